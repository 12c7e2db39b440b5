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

in_force as (

    select
        subscriptions.*,
        score_dates.score_date,
        row_number() over (
            partition by subscriptions.account_id, score_dates.score_date
            order by
                subscriptions.mrr desc nulls last,
                subscriptions.started_at asc,
                subscriptions.subscription_id asc
        ) as mrr_rank
    from subscriptions
    inner join score_dates
        on
            subscriptions.started_on <= score_dates.score_date
            and (
                subscriptions.ended_on is null
                or subscriptions.ended_on > score_dates.score_date
            )

),

in_force_totals as (

    select
        account_id,
        score_date,
        max(case when mrr_rank = 1 then plan end) as plan,
        cast(sum(seats) as bigint) as seats,
        cast(sum(mrr) as decimal(28, 6)) as mrr,
        cast(sum(case when auto_renew then mrr end) as decimal(28, 6)) as auto_renew_mrr,
        max(case when auto_renew is not null then 1 else 0 end) = 1 as is_auto_renew_known,
        min(case when is_trial then 1 else 0 end) = 1 as is_trial,
        min(case when term_ends_on > score_date then term_ends_on end) as renewal_date
    from in_force
    group by account_id, score_date

)

select
    accounts.account_id,
    score_dates.score_date,
    score_dates.day_number,
    score_dates.feed_first_day_number,
    accounts.industry,
    in_force_totals.plan,
    in_force_totals.is_trial,
    in_force_totals.is_auto_renew_known,
    in_force_totals.seats,
    in_force_totals.mrr,
    in_force_totals.auto_renew_mrr,
    score_dates.day_number - {{ day_number('first_starts.first_started_on') }} as tenure_days,
    {{ day_number('accounts.created_at') }} as created_day_number,
    in_force_totals.renewal_date
from accounts
inner join in_force_totals
    on accounts.account_id = in_force_totals.account_id
inner join score_dates
    on in_force_totals.score_date = score_dates.score_date
inner join first_starts
    on accounts.account_id = first_starts.account_id
where
    cast(accounts.created_at as date) <= score_dates.score_date
    and (
        accounts.deleted_at is null
        or cast(accounts.deleted_at as date) > score_dates.score_date
    )
