{#- True for a timestamp before 2000-01-01, the earliest that is believed; null for null. -#}
{% macro is_before_2000(column) -%}
    ({{ column }} < timestamp '2000-01-01 00:00:00')
{%- endmacro %}
