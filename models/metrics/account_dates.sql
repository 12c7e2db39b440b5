-- One row per account and score date on which it is scored: it exists, is no test account and has a
-- subscription in force. Every metric and score hangs on this grid.
with

accounts as (

    select * from {{ ref('stg_accounts') }}
    where
        record_status = 'accepted'
        and not is_test

),

subscriptions as (

    select * from {{ ref('stg_subscriptions') }}
    where record_status = 'accepted'

),

score_dates as (

    select * from {{ ref('score_dates') }}

),

first_starts as (

    select
        account_id,
        min(started_on) as first_started_on
    from subscriptions
    group by account_id

),

-- The plan is that of the subscription with the highest MRR.
ranked_subscriptions as (

    select
        *,
        row_number() over (
            partition by account_id
            order by mrr desc nulls last, started_at asc, subscription_id asc
        ) as mrr_rank
    from subscriptions

),

in_force as (

    select
        subscriptions.account_id,
        score_dates.score_date,
        min(subscriptions.mrr_rank) as mrr_rank,
        cast(sum(subscriptions.seats) as bigint) as seats,
        cast(sum(subscriptions.mrr) as decimal(28, 6)) as mrr,
        cast(
            sum(case when subscriptions.auto_renew then subscriptions.mrr end) as decimal(28, 6)
        ) as auto_renew_mrr,
        max(case when subscriptions.auto_renew is not null then 1 else 0 end) = 1
            as is_auto_renew_known,
        min(case when subscriptions.is_trial then 1 else 0 end) = 1 as is_trial,
        min(
            case
                when subscriptions.term_ends_on > score_dates.score_date
                    then subscriptions.term_ends_on
            end
        ) as renewal_date
    from ranked_subscriptions as subscriptions
    inner join score_dates
        on
            subscriptions.started_on <= score_dates.score_date
            and (
                subscriptions.ended_on is null
                or subscriptions.ended_on > score_dates.score_date
            )
    group by subscriptions.account_id, score_dates.score_date

)

select
    accounts.account_id,
    score_dates.score_date,
    score_dates.day_number,
    score_dates.feed_first_day_number,
    accounts.industry,
    ranked_subscriptions.plan,
    in_force.is_trial,
    in_force.is_auto_renew_known,
    in_force.seats,
    in_force.mrr,
    in_force.auto_renew_mrr,
    score_dates.day_number - {{ day_number('first_starts.first_started_on') }} as tenure_days,
    {{ day_number('accounts.created_at') }} as created_day_number,
    in_force.renewal_date
from accounts
inner join in_force
    on accounts.account_id = in_force.account_id
inner join ranked_subscriptions
    on
        in_force.account_id = ranked_subscriptions.account_id
        and in_force.mrr_rank = ranked_subscriptions.mrr_rank
inner join score_dates
    on in_force.score_date = score_dates.score_date
inner join first_starts
    on accounts.account_id = first_starts.account_id
where
    cast(accounts.created_at as date) <= score_dates.score_date
    and (
        accounts.deleted_at is null
        or cast(accounts.deleted_at as date) > score_dates.score_date
    )
