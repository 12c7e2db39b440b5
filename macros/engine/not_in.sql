{#- True where the columns, none of them null, are not among the rows of a select. -#}
{% macro not_in(columns, select) -%}
    {{ return(adapter.dispatch('not_in', 'health_scoring')(columns, select)) }}
{%- endmacro %}

{% macro default__not_in(columns, select) -%}
    ({{ columns }}) not in ({{ select }})
{%- endmacro %}

{#- Spark compares every row with every other for a `not in` of what could be null. -#}
{% macro spark__not_in(columns, select) -%}
    not ((({{ columns }}) in ({{ select }})) <=> true)
{%- endmacro %}
