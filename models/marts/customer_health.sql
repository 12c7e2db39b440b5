-- One row per account scored at the as-of date: the score of the live retention scorecard with all
-- that a person or a BI tool wants beside it.
with

account_dates as (

    select * from {{ ref('account_dates') }}

),

score_dates as (

    select * from {{ ref('score_dates') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

scores as (

    select fct_health_scores.*
    from {{ ref('fct_health_scores') }} as fct_health_scores
    inner join {{ ref('scorecards') }} as scorecards
        on fct_health_scores.scorecard = scorecards.scorecard
    where scorecards.status = 'live'

),

grades as (

    select * from {{ ref('grades') }}

),

as_of as (

    select *
    from score_dates
    where score_date = as_of_date

),

earlier_scores as (

    select
        {% for days in comparison_days() %}
            max(
                case
                    when scores.score_date = as_of.date_{{ days }}d_earlier
                        then scores.health_score
                end
            ) as score_{{ days }}d_earlier,
        {% endfor %}
        scores.account_id
    from scores
    cross join as_of
    where scores.goal = 'retention'
    group by scores.account_id

),

ranked_drivers as (

    select
        drivers.account_id,
        drivers.metric,
        drivers.points_lost,
        drivers.contribution,
        row_number() over (
            partition by drivers.account_id
            order by drivers.points_lost desc, drivers.metric asc
        ) as drag_rank,
        row_number() over (
            partition by drivers.account_id
            order by drivers.contribution desc, drivers.metric asc
        ) as strength_rank
    from {{ ref('fct_health_drivers') }} as drivers
    inner join as_of
        on drivers.score_date = as_of.score_date
    inner join {{ ref('scorecards') }} as scorecards
        on
            drivers.scorecard = scorecards.scorecard
            and scorecards.goal = 'retention'
            and scorecards.status = 'live'

),

top_drivers as (

    select
        {% for rank in [1, 2, 3] %}
            max(case when drag_rank = {{ rank }} and points_lost > 0 then metric end)
                as drag_{{ rank }},
            max(case when strength_rank = {{ rank }} and contribution > 0 then metric end)
                as strength_{{ rank }},
        {% endfor %}
        account_id
    from ranked_drivers
    group by account_id

),

best_actions as (

    select * from {{ ref('fct_recommended_actions') }}
    where action_rank = 1

)

select
    account_dates.account_id,
    accounts.account_name,
    accounts.parent_account_id,
    accounts.owner,
    accounts.industry,
    accounts.region,
    accounts.segment,
    account_dates.plan,
    account_dates.seats,
    account_dates.mrr,
    cast(12 * account_dates.mrr as decimal(28, 6)) as arr,
    account_dates.is_trial,
    cast(account_dates.tenure_days as integer) as tenure_days,
    account_dates.renewal_date,
    cast(
        {{ day_number('account_dates.renewal_date') }} - account_dates.day_number as integer
    ) as days_to_renewal,
    account_dates.score_date,
    retention.health_score,
    retention.computed_score,
    retention.capped_score,
    retention.grade,
    grades.label,
    grades.colour,
    grades.response,
    retention.coverage,
    retention.score_low,
    retention.score_high,
    retention.cap,
    retention.override_id,
    {% for component in components() %}
        retention.{{ component }}_score,
    {% endfor %}
    expansion.health_score as expansion_score,
    {% for days in comparison_days() %}
        cast(
            retention.health_score - earlier_scores.score_{{ days }}d_earlier as decimal(5, 2)
        ) as score_change_{{ days }}d,
    {% endfor %}
    top_drivers.drag_1,
    top_drivers.drag_2,
    top_drivers.drag_3,
    top_drivers.strength_1,
    top_drivers.strength_2,
    top_drivers.strength_3,
    best_actions.playbook as recommended_playbook,
    retention.scoring_version,
    as_of.data_through
from account_dates
inner join as_of
    on account_dates.score_date = as_of.score_date
inner join accounts
    on account_dates.account_id = accounts.account_id
left join scores as retention
    on
        account_dates.account_id = retention.account_id
        and account_dates.score_date = retention.score_date
        and retention.goal = 'retention'
left join scores as expansion
    on
        account_dates.account_id = expansion.account_id
        and account_dates.score_date = expansion.score_date
        and expansion.goal = 'expansion'
left join grades
    on retention.grade = grades.grade
left join earlier_scores
    on account_dates.account_id = earlier_scores.account_id
left join top_drivers
    on account_dates.account_id = top_drivers.account_id
left join best_actions
    on account_dates.account_id = best_actions.account_id
