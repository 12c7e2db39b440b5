-- A share is 0 to 1, a change of 50 % is 0.5: a threshold of 5 or more is a percentage typed as it
-- is spoken, and would put every account on one side of it. A row here is such a threshold.
with

thresholds as (

    select
        scorecard || ', ' || segment as place,
        metric,
        poor_at as threshold
    from {{ ref('scorecard_metrics') }}
    where curve <> 'percentile'

    union all

    select
        scorecard || ', ' || segment as place,
        metric,
        healthy_at as threshold
    from {{ ref('scorecard_metrics') }}
    where curve <> 'percentile'

    union all

    select
        cap as place,
        metric,
        worse_than as threshold
    from {{ ref('score_caps') }}

)

select
    thresholds.place,
    thresholds.metric,
    thresholds.threshold
from thresholds
inner join {{ ref('metrics') }} as metrics
    on thresholds.metric = metrics.metric
where
    metrics.unit = 'share'
    and abs(thresholds.threshold) >= 5
