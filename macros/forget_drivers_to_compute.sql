{#-
    Pre-hook of fct_health_drivers: takes out the drivers of the scores that this run computes, and
    all of them where nothing tells which are sound. Where only ranks moved, the drivers on other
    curves stay.
-#}
{% macro forget_drivers_to_compute() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
            (account_id, score_date, scorecard) in (
                select account_id, score_date, scorecard from {{ ref('scores_to_compute') }}
            )
            and (
                {{ not_in(
                    'account_id, score_date, scorecard',
                    'select account_id, score_date, scorecard from ' ~ ref('scores_to_compute')
                    ~ ' where is_only_ranks'
                ) }}
                or (scorecard, segment, metric) in (
                    select scorecard, segment, metric from {{ ref('scorecard_metrics') }}
                    where curve = 'percentile'
                )
            )
        {%- endset -%}
        {{ delete_rows(this, condition if last_built('computed_scores')) }}
    {%- endif -%}
{%- endmacro %}
