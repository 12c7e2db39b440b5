-- A share is 0 to 1, a change of 50 % is 0.5: a threshold of 5 or more is a percentage typed as it
-- is spoken, and would put every account on one side of it. A row here is such a threshold.
with

thresholds as (

    select
        scorecard || ', ' || segment as place,
        metric,
        greatest(abs(poor_at), abs(healthy_at)) as largest_threshold
    from {{ ref('scorecard_metrics') }}
    where curve <> 'percentile'

    union all

    select
        cap as place,
        metric,
        abs(worse_than) as largest_threshold
    from {{ ref('score_caps') }}

    union all

    select
        playbook as place,
        trigger as metric,
        abs(threshold) as largest_threshold
    from {{ ref('playbooks') }}
    where trigger_on = 'metric'

)

select
    thresholds.place,
    thresholds.metric,
    thresholds.largest_threshold
from thresholds
inner join {{ ref('metrics') }} as metrics
    on thresholds.metric = metrics.metric
where
    metrics.unit = 'share'
    and thresholds.largest_threshold >= 5
