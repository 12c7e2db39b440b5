{#-
    True for usage of a day that this run reads: of every day where nothing is kept.
    `day` is the SQL of the day and `event_at`, where there is one, that of the moment. The first and
    the last one stand in the SQL as they are, so that most rows are passed over while they are read.
-#}
{% macro is_stale_usage_day(day, event_at=none) -%}
    {%- set days_to_read = ref('stale_usage_days') -%}
    {%- if not is_incremental() -%}
    true
    {%- else -%}
    {%- set bounds = run_query(
        'select min(event_date), max(event_date), min(' ~ event_day('null') ~ ') as no_day from '
        ~ days_to_read
    )[0] -%}
    {%- if bounds[0] is none -%}
    false
    {%- else -%}
    {%- if not event_at -%}
    {{ day }} between date '{{ bounds[0] }}' and date '{{ bounds[1] }}'
    and {% elif bounds[0] > bounds[2] -%}
    {{ event_at }} >= timestamp '{{ bounds[0] }} 00:00:00'
    and {{ event_at }} < timestamp '{{ bounds[1] + modules.datetime.timedelta(days=1) }} 00:00:00'
    and {% endif -%}
    {{ day }} in (select event_date from {{ days_to_read }})
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}
