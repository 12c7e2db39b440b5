{{ config(materialized='view') }}

-- One row per account, score date, scorecard and metric of the account's scorecard: what the metric
-- is worth and how much it counts. Unknown values stay; their score may be null.
with

metric_values as (

    select * from {{ ref('metric_values') }}

),

percentile_ranks as (

    select * from {{ ref('percentile_ranks') }}

),

scorecard_rows as (

    select scorecard_metrics.*
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard
    where scorecards.status in ('live', 'challenger')

),

-- On a percentile row the rank stands for the value; both sides are multiplied by the number of
-- peers, so that nothing is rounded before the score is.
measured as (

    select
        metric_values.account_id,
        metric_values.score_date,
        scorecard_rows.scorecard,
        metric_values.segment,
        metric_values.component,
        metric_values.metric,
        metric_values.metric_value,
        metric_values.is_to_score,
        scorecard_rows.curve,
        scorecard_rows.weight,
        scorecard_rows.score_if_missing,
        case
            when scorecard_rows.curve = 'percentile' then percentile_ranks.rank_times_peers
            else metric_values.metric_value
        end as measured_value,
        scorecard_rows.poor_at * coalesce(percentile_ranks.all_peers, 1) as poor_at,
        scorecard_rows.healthy_at * coalesce(percentile_ranks.all_peers, 1) as healthy_at
    from metric_values
    inner join scorecard_rows
        on
            metric_values.segment = scorecard_rows.segment
            and metric_values.metric = scorecard_rows.metric
    left join percentile_ranks
        on
            metric_values.account_id = percentile_ranks.account_id
            and metric_values.score_date = percentile_ranks.score_date
            and metric_values.metric = percentile_ranks.metric
            and scorecard_rows.curve = percentile_ranks.curve

)

select
    account_id,
    score_date,
    scorecard,
    segment,
    component,
    metric,
    metric_value,
    case
        when metric_value is null then cast(score_if_missing as decimal(7, 4))
        else {{ metric_score('curve', 'measured_value', 'poor_at', 'healthy_at') }}
    end as metric_score,
    weight,
    metric_value is null as is_missing,
    is_to_score
from measured
