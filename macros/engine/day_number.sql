{#- Days since 2000-01-01 of a date or timestamp, a whole number: what windows are measured in. -#}
{% macro day_number(moment) -%}
    {{ return(adapter.dispatch('day_number', 'health_scoring')(moment)) }}
{%- endmacro %}

{% macro duckdb__day_number(moment) -%}
    date_diff('day', date '2000-01-01', {{ moment }})
{%- endmacro %}

{% macro postgres__day_number(moment) -%}
    cast(cast({{ moment }} as date) - date '2000-01-01' as bigint)
{%- endmacro %}

{% macro spark__day_number(moment) -%}
    cast(datediff({{ moment }}, date '2000-01-01') as bigint)
{%- endmacro %}
