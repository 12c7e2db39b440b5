{#-
    True for rows that this run makes, for tests of large tables; all others were tested in the run
    that made them. `rows` tells what they are: scores (by account, date and scorecard), drivers (all
    drivers of a score), changes (of the score that fct_score_changes explains, by account and date)
    or usage (by activity_date).
    `dbt test` looks at all rows, a run with nothing new at none.
-#}
{% macro is_of_this_run(rows, relation='') -%}
    {%- set keys = {
        'scores': ['account_id', 'score_date', 'scorecard'],
        'drivers': ['account_id', 'score_date', 'scorecard'],
        'changes': ['account_id', 'score_date'],
        'usage': ['activity_date'],
    } -%}
    {%- set new = {
        'scores': 'select account_id, score_date, scorecard from ' ~ ref('scores_to_compute'),
        'drivers': 'select account_id, score_date, scorecard from ' ~ ref('scores_to_compute')
        ~ ' where not is_only_ranks',
        'changes': retention_scores_to_compute(),
        'usage': 'select event_date from ' ~ ref('usage_days_to_read'),
    } -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    {%- if flags.WHICH == 'test' -%}
        true
    {%- elif nothing_new() -%}
        false
    {%- else -%}
        ({{ prefix }}{{ keys[rows] | join(', ' ~ prefix) }}) in ({{ new[rows] }})
    {%- endif -%}
{%- endmacro %}
