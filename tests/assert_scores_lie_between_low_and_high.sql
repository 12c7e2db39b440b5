-- When no row is left out, the score lies between the score with every unknown value at 0 and the
-- one with every unknown value at 100. A row here is a score outside of them.
with

left_out as (

    select
        account_id,
        score_date,
        scorecard
    from {{ ref('fct_health_drivers') }}
    where
        metric_score is null
        and {{ is_of_this_run('scores') }}
    group by account_id, score_date, scorecard

)

select
    scores.account_id,
    scores.score_date,
    scores.scorecard,
    scores.score_low,
    scores.computed_score,
    scores.score_high
from {{ ref('fct_health_scores') }} as scores
left join left_out
    on
        scores.account_id = left_out.account_id
        and scores.score_date = left_out.score_date
        and scores.scorecard = left_out.scorecard
where
    {{ is_of_this_run('scores', 'scores') }}
    and (
        scores.score_low > scores.score_high
        or (
            left_out.account_id is null
            and (
                scores.computed_score < scores.score_low
                or scores.computed_score > scores.score_high
            )
        )
    )
