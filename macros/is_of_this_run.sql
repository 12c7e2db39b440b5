{#-
    True for rows that this run makes, for tests of large tables; all others were tested in the run
    that made them. `rows` tells what they are: scores (by account, date and scorecard), comparisons (with challengers), changes (by account, date and days back) or
    usage (by activity_date).
    `dbt test` and a full rebuild look at all rows, a run with nothing new at none.
-#}
{% macro is_of_this_run(rows, relation='') -%}
    {%- set listed = ref({
        'scores': 'scores_to_compute',
        'comparisons': 'scores_to_compute',
        'changes': 'changes_to_split',
        'usage': 'usage_days_to_read',
    }[rows]) -%}
    {%- set keys = {
        'changes': ['account_id', 'score_date', 'days_back'],
        'usage': ['activity_date'],
    }.get(rows, ['account_id', 'score_date', 'scorecard']) -%}
    {%- set names = {
        'comparisons': ['account_id', 'score_date', 'challenger_scorecard'],
    }.get(rows, keys) -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {%- if flags.WHICH == 'test' or should_full_refresh() -%}
        true
    {%- elif nothing_new() -%}
        false
    {%- else -%}
        ({{ prefix }}{{ names | join(', ' ~ prefix) }}) in (
            select {{ 'event_date' if rows == 'usage' else keys | join(', ') }} from {{ listed }}
        )
    {%- endif -%}
{%- endmacro %}
