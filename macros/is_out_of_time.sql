{#-
    True for the timestamp of something that has happened when it lies before 2000-01-01 or after
    run_date + 1 (clocks may be ahead by a day); null for null.
-#}
{% macro is_out_of_time(column) -%}
    ({{ is_before_2000(column) }} or {{ column }} >= timestamp '{{ run_date(2) }} 00:00:00')
{%- endmacro %}
