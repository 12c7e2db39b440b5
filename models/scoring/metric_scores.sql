-- One row per account, score date, scorecard and metric of the account's scorecard: what the metric
-- is worth and how much it counts. Unknown values stay; their score may be null.
with

metric_values as (

    select * from {{ ref('metric_values') }}

),

scorecards as (

    select * from {{ ref('scorecards') }}
    where status in ('live', 'challenger')

),

scorecard_rows as (

    select
        scorecard_metrics.*,
        scorecards.goal,
        scorecards.min_coverage
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard

)

select
    metric_values.account_id,
    metric_values.score_date,
    scorecard_rows.scorecard,
    scorecard_rows.goal,
    metric_values.segment,
    metric_values.component,
    metric_values.metric,
    metric_values.metric_value,
    {{ metric_score('metric_values.metric_value', 'scorecard_rows') }} as metric_score,
    scorecard_rows.weight,
    scorecard_rows.min_coverage,
    metric_values.metric_value is null as is_missing
from metric_values
inner join scorecard_rows
    on
        metric_values.segment = scorecard_rows.segment
        and metric_values.metric = scorecard_rows.metric
