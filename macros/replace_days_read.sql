{#-
    Pre-hook of a table of usage kept by days: takes the days out that are read again. `column` is
    the table's day.
-#}
{% macro replace_days_read(column) -%}
    {%- if is_incremental() -%}
        {{ delete_rows(this, is_day_to_read(column) if last_built('usage_days')) }}
    {%- endif -%}
{%- endmacro %}
