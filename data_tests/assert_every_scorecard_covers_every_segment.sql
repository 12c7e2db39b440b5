-- A segment without rows in a computed scorecard would have no score. A row here is a missing pair.
with

pairs as (

    select distinct
        scorecards.scorecard,
        segments.segment
    from {{ ref('scorecards') }} as scorecards
    cross join {{ ref('segments') }} as segments
    where scorecards.status in ('live', 'challenger')

)

select
    pairs.scorecard,
    pairs.segment
from pairs
left join {{ ref('scorecard_metrics') }} as scorecard_metrics
    on
        pairs.scorecard = scorecard_metrics.scorecard
        and pairs.segment = scorecard_metrics.segment
where scorecard_metrics.metric is null
