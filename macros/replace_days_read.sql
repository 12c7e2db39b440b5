{#-
    Pre-hook of a table of usage kept by days: takes the days out that are read again. `column` is
    the table's day.
-#}
{% macro replace_days_read(column) -%}
    {%- if is_incremental() -%}
        {%- set days_read = ref('usage_days_to_read') -%}
        {{ delete_rows(
            this,
            column ~ ' in (select event_date from ' ~ days_read ~ ')' if last_built('usage_days')
        ) }}
    {%- endif -%}
{%- endmacro %}
