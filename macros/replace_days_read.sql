{#-
    Pre-hook of a table of usage kept by days: takes the days out that are read again. `column` is
    the table's day.
-#}
{% macro replace_days_read(column) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if last_built('usage_days') %}
        where {{ column }} in (select event_date from {{ ref('usage_days_to_read') }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
