{#-
    True for rows that this run makes, for tests of large tables; all others were tested in the run
    that made them. `rows` says what they are: scores (by account, date and scorecard), comparisons
    (with challengers), changes (by account, date and days back) or usage (by activity_date).
    `dbt test` and a full rebuild look at all rows, a run with nothing new at none.
-#}
{% macro recomputed_this_run(rows, relation='') -%}
    {%- set listed = ref({
        'scores': 'stale_scores',
        'comparisons': 'stale_scores',
        'changes': 'stale_score_changes',
        'usage': 'stale_usage_days',
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
    {%- elif is_unchanged_run() -%}
        false
    {%- else -%}
        ({{ prefix }}{{ names | join(', ' ~ prefix) }}) in (
            select {{ 'event_date' if rows == 'usage' else keys | join(', ') }} from {{ listed }}
        )
    {%- endif -%}
{%- endmacro %}
