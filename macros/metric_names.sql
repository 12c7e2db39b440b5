{#-
    The metrics of the catalogue, in the order of metric_columns(). The linter gets two of them: it
    sees a loop as well by two turns, and does not parse as much.
-#}
{% macro metric_names() -%}
    {%- set names = [] -%}
    {%- for columns in metric_columns().values() -%}
        {%- do names.extend(columns) -%}
    {%- endfor -%}
    {{ return(names[:2] if target.name == 'lint' else names) }}
{%- endmacro %}
