{#- A row as one text: a name and the columns, separated by bars; null as nothing. -#}
{% macro row_text(name, columns) -%}
    '{{ name }}'
    {%- for column in columns %}
    || '|' || coalesce(cast({{ column }} as {{ dbt.type_string() }}), '')
    {%- endfor -%}
{%- endmacro %}
