-- The explanation is the computation: a score has a driver for every row of its scorecard, each
-- worth 0 to 100, their contributions sum to the computed score within rounding, and what is lost
-- is the rest up to 100. When no row is left out, the score lies between the score with every
-- unknown value at 0 and the one with every unknown value at 100. A row here is a score that its
-- drivers do not explain, or one outside of its limits.
with

scorecard_rows as (

    select
        scorecard,
        segment,
        count(*) as drivers
    from {{ ref('scorecard_metrics') }}
    group by scorecard, segment

),

driver_sums as (

    select
        account_id,
        score_date,
        scorecard,
        count(*) as drivers,
        count(metric_score) as counted_drivers,
        sum(contribution) as contributions,
        sum(points_lost) as points_lost,
        sum(effective_weight) as effective_weights,
        min(metric_score) as lowest,
        max(metric_score) as highest
    from {{ ref('fct_health_drivers') }}
    where {{ recomputed_this_run('scores') }}
    group by account_id, score_date, scorecard

)

select
    scores.account_id,
    scores.score_date,
    scores.scorecard,
    scores.score_low,
    scores.computed_score,
    scores.score_high,
    scorecard_rows.drivers as expected_drivers,
    driver_sums.drivers,
    driver_sums.counted_drivers,
    driver_sums.contributions,
    driver_sums.points_lost,
    driver_sums.effective_weights
from {{ ref('fct_health_scores') }} as scores
left join driver_sums
    on
        scores.account_id = driver_sums.account_id
        and scores.score_date = driver_sums.score_date
        and scores.scorecard = driver_sums.scorecard
left join scorecard_rows
    on
        scores.scorecard = scorecard_rows.scorecard
        and scores.segment = scorecard_rows.segment
where
    {{ recomputed_this_run('scores', 'scores') }}
    and (
        scorecard_rows.drivers is distinct from driver_sums.drivers
        or driver_sums.lowest < 0
        or driver_sums.highest > 100
        or scores.score_low > scores.score_high
        or (
            driver_sums.counted_drivers = driver_sums.drivers
            and (
                scores.computed_score < scores.score_low
                or scores.computed_score > scores.score_high
            )
        )
        or (
            scores.computed_score is not null
            and (
                abs(scores.computed_score - driver_sums.contributions) > 0.01
                or abs(100 - driver_sums.contributions - driver_sums.points_lost) > 0.01
                or abs(1 - driver_sums.effective_weights) > 0.0001
            )
        )
    )
