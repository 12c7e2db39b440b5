{#-
    The one clock: the run date as given (macros/given_date.sql), else today in UTC, as text YYYY-MM-DD, optionally shifted by
    whole days. Stops the run when the var is no date.
-#}
{% macro run_date(shift_days=0) -%}
    {%- set day = parse_date_var('run_date') or modules.datetime.datetime.now(modules.pytz.utc).date() -%}
    {{- (day + modules.datetime.timedelta(days=shift_days)).isoformat() -}}
{%- endmacro %}
