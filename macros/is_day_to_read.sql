{#-
    True for usage of a day that this run reads. `day` is the SQL of the day. The first and the last
    one stand in the SQL as they are, so that most rows are passed over early.
-#}
{% macro is_day_to_read(day) -%}
    {%- set days_to_read = ref('usage_days_to_read') -%}
    {{ day }} in (select event_date from {{ days_to_read }})
    {%- if execute %}
    {%- set bounds = run_query(
        'select min(event_date), max(event_date) from ' ~ days_to_read
    )[0] %}
    {%- if bounds[0] is none %}
    and false
    {%- else %}
    and {{ day }} between date '{{ bounds[0] }}' and date '{{ bounds[1] }}'
    {%- endif %}
    {%- endif %}
{%- endmacro %}
