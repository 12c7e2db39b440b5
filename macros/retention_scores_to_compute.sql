{#- The accounts and dates for which this run computes the score that fct_score_changes explains. -#}
{% macro retention_scores_to_compute() -%}
    select
        to_compute.account_id,
        to_compute.score_date
    from {{ ref('scores_to_compute') }} as to_compute
    inner join {{ ref('scorecards') }} as scorecards
        on to_compute.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'
{%- endmacro %}
