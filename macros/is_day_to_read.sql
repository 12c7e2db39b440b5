{#-
    True for usage of a day that this run reads: of every day where nothing is kept. `day` is the SQL
    of the day. The first and the last one stand in the SQL as they are, so that most rows are
    passed over early.
-#}
{% macro is_day_to_read(day) -%}
    {%- set days_to_read = ref('usage_days_to_read') -%}
    {%- if not is_incremental() -%}
    true
    {%- else -%}
    {%- set bounds = run_query(
        'select min(event_date), max(event_date) from ' ~ days_to_read
    )[0] -%}
    {%- if bounds[0] is none -%}
    false
    {%- else -%}
    {{ day }} between date '{{ bounds[0] }}' and date '{{ bounds[1] }}'
    and {{ day }} in (select event_date from {{ days_to_read }})
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}
