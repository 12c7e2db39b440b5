{#- How many days back a score is compared with an earlier one. -#}
{% macro comparison_days() -%}
    {{ return([7, 28, 90]) }}
{%- endmacro %}
