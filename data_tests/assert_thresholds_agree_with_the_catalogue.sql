-- poor_at and healthy_at differ. On linear and banded rows healthy_at lies on the side that the
-- catalogue calls better; percentile rows go from a lower to a higher percentile within 0 to 100,
-- whichever side is better; target rows may have poor_at on either side. A row here is a scorecard
-- row that would reward the wrong direction.
select
    scorecard_metrics.scorecard,
    scorecard_metrics.segment,
    scorecard_metrics.metric,
    scorecard_metrics.curve,
    scorecard_metrics.poor_at,
    scorecard_metrics.healthy_at,
    metrics.better
from {{ ref('scorecard_metrics') }} as scorecard_metrics
inner join {{ ref('metrics') }} as metrics
    on scorecard_metrics.metric = metrics.metric
where
    scorecard_metrics.poor_at = scorecard_metrics.healthy_at
    or (
        scorecard_metrics.curve in ('linear', 'banded')
        and (
            (scorecard_metrics.poor_at < scorecard_metrics.healthy_at)
            <> (metrics.better = 'higher')
        )
    )
    or (
        scorecard_metrics.curve = 'percentile'
        and (
            scorecard_metrics.poor_at > scorecard_metrics.healthy_at
            or scorecard_metrics.poor_at < 0
            or scorecard_metrics.healthy_at > 100
        )
    )
