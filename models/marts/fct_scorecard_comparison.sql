{{ config(materialized='view') }}

-- One row per account, score date and challenger scorecard: its score beside that of the live
-- scorecard of the same goal, on the same metrics, caps and overrides. A view: looked at now and
-- then, it need not be written every night.
with

scorecards as (

    select * from {{ ref('scorecards') }}

),

scores as (

    select
        fct_health_scores.*,
        scorecards.status,
        grades.colour
    from {{ ref('fct_health_scores') }} as fct_health_scores
    inner join scorecards
        on fct_health_scores.scorecard = scorecards.scorecard
    left join {{ ref('grades') }} as grades
        on fct_health_scores.grade = grades.grade

),

live as (

    select * from scores
    where status = 'live'

),

challengers as (

    select * from scores
    where status = 'challenger'

),

account_dates as (

    select * from {{ ref('account_dates') }}

)

select
    challengers.account_id,
    challengers.score_date,
    challengers.scorecard as challenger_scorecard,
    live.scorecard as live_scorecard,
    challengers.goal,
    challengers.segment,
    cast(12 * account_dates.mrr as decimal(28, 6)) as arr,
    live.computed_score as live_computed_score,
    challengers.computed_score as challenger_computed_score,
    live.health_score as live_score,
    challengers.health_score as challenger_score,
    cast(challengers.health_score - live.health_score as decimal(5, 2)) as score_difference,
    live.grade as live_grade,
    challengers.grade as challenger_grade,
    live.colour as live_colour,
    challengers.colour as challenger_colour,
    challengers.grade <> live.grade as is_grade_changed,
    challengers.colour <> live.colour as is_colour_changed,
    live.coverage as live_coverage,
    challengers.coverage as challenger_coverage,
    challengers.scoring_version
from challengers
inner join live
    on
        challengers.account_id = live.account_id
        and challengers.score_date = live.score_date
        and challengers.goal = live.goal
inner join account_dates
    on
        challengers.account_id = account_dates.account_id
        and challengers.score_date = account_dates.score_date
