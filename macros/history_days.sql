{#- Days that the Sundays to be scored reach back, from the var history_weeks. -#}
{% macro history_days() -%}
    {{ return(7 * parse_count_var('history_weeks', 0, 1000)) }}
{%- endmacro %}
