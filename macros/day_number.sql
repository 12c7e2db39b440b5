{#- Days since 2000-01-01 of a date or timestamp, a whole number: what windows are measured in. -#}
{% macro day_number(moment) -%}
    {{ dbt.datediff("cast('2000-01-01' as date)", moment, 'day') }}
{%- endmacro %}
