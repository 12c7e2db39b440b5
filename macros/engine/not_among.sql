{#- True where the columns, none of them null, are not among the rows of a select. -#}
{% macro not_among(columns, select) -%}
    {{ return(adapter.dispatch('not_among', 'health_scoring')(columns, select)) }}
{%- endmacro %}

{% macro default__not_among(columns, select) -%}
    ({{ columns }}) not in ({{ select }})
{%- endmacro %}

{#- Spark compares every row with every other for a `not in` of what could be null. -#}
{% macro spark__not_among(columns, select) -%}
    not ((({{ columns }}) in ({{ select }})) <=> true)
{%- endmacro %}
