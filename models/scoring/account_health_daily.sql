-- One row per account and score date: where the account stands under the live retention scorecard,
-- with all that roll-ups weigh it by.
with

scores as (

    select fct_health_scores.*
    from {{ ref('fct_health_scores') }} as fct_health_scores
    inner join {{ ref('scorecards') }} as scorecards
        on fct_health_scores.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'

),

account_dates as (

    select * from {{ ref('account_dates') }}

),

score_dates as (

    select * from {{ ref('score_dates') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

grades as (

    select * from {{ ref('grades') }}

)

select
    scores.account_id,
    scores.score_date,
    accounts.owner,
    scores.segment,
    cast(12 * account_dates.mrr as decimal(28, 6)) as arr,
    scores.health_score,
    scores.grade,
    grades.colour,
    scores.coverage,
    earlier_scores.health_score as health_score_28d_earlier
from scores
inner join account_dates
    on
        scores.account_id = account_dates.account_id
        and scores.score_date = account_dates.score_date
inner join score_dates
    on scores.score_date = score_dates.score_date
inner join accounts
    on scores.account_id = accounts.account_id
left join grades
    on scores.grade = grades.grade
left join scores as earlier_scores
    on
        scores.account_id = earlier_scores.account_id
        and score_dates.date_28d_earlier = earlier_scores.score_date
