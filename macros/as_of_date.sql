{#-
    The last day that is scored: as_of_date if given (macros/given_date.sql), else the SQL expression, in which
    {yesterday} stands for the day before the run date.
-#}
{% macro as_of_date(otherwise) -%}
    {%- set given = parse_date_var('as_of_date') -%}
    {%- if given -%}
    cast('{{ given.isoformat() }}' as date)
    {%- else -%}
    {{ otherwise | replace('{yesterday}', "cast('" ~ run_date(-1) ~ "' as date)") }}
    {%- endif -%}
{%- endmacro %}
