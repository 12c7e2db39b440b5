-- poor_at and healthy_at differ, and healthy_at lies on the side that the catalogue calls better.
-- A row here is a scorecard row that would reward the wrong direction.
select
    scorecard_metrics.scorecard,
    scorecard_metrics.segment,
    scorecard_metrics.metric,
    scorecard_metrics.poor_at,
    scorecard_metrics.healthy_at,
    metrics.better
from {{ ref('scorecard_metrics') }} as scorecard_metrics
inner join {{ ref('metrics') }} as metrics
    on scorecard_metrics.metric = metrics.metric
where
    scorecard_metrics.poor_at = scorecard_metrics.healthy_at
    or (scorecard_metrics.poor_at < scorecard_metrics.healthy_at) <> (metrics.better = 'higher')
