{#-
    Pre-hook of a table of usage kept by days: takes the days out that are read again. `column` is
    the table's day.
-#}
{% macro delete_stale_usage_days(column) -%}
    {%- if is_incremental() -%}
        {{ delete_rows(this, is_stale_usage_day(column) if previous_relation('usage_days')) }}
    {%- endif -%}
{%- endmacro %}
