-- One row per account and score date: a fingerprint of all that its usage metrics are computed from.
-- Where it is what it was, the kept metrics stay; where it differs they are computed again.
with

account_dates as (

    select * from {{ ref('account_dates') }}

),

score_dates as (

    select * from {{ ref('score_dates') }}

),

account_days as (

    select * from {{ ref('account_activity_daily') }}

),

features as (

    select sum({{ fingerprint(row_text(
        'feature', ['feature', 'is_core', 'is_setup', 'is_compliance']
    )) }}) as fingerprint
    from {{ ref('features') }}

),

usage_days as (

    select
        activity_date,
        min(day_number) as day_number
    from account_days
    group by activity_date

),

first_usage as (

    select min(day_number) as first_day_number
    from usage_days

),

-- A day of usage counts from the first score date on that is not before it.
counting_dates as (

    select
        usage_days.activity_date,
        min(score_dates.score_date) as score_date
    from usage_days
    inner join score_dates
        on usage_days.day_number <= score_dates.day_number
    group by usage_days.activity_date

),

moments as (

    select
        account_days.account_id,
        counting_dates.score_date,
        account_days.fingerprint
    from account_days
    inner join counting_dates
        on account_days.activity_date = counting_dates.activity_date

    union all

    select
        account_id,
        score_date,
        0 as fingerprint
    from account_dates

),

time_line as (

    select
        account_id,
        score_date,
        sum(fingerprint) as fingerprint
    from moments
    group by account_id, score_date

),

summed as (

    select
        account_id,
        score_date,
        cast(sum(fingerprint) over (
            partition by account_id
            order by score_date
            rows between unbounded preceding and current row
        ) as decimal(38, 0)) as fingerprint
    from time_line

)

select
    account_dates.account_id,
    account_dates.score_date,
    {{ fingerprint(
        "cast(summed.fingerprint as varchar)"
        ~ " || '|' || coalesce(cast(features.fingerprint as varchar), '')"
        ~ " || '|' || coalesce(cast(account_dates.seats as varchar), '')"
        ~ " || '|' || cast(account_dates.created_day_number as varchar)"
        ~ " || '|' || coalesce(cast(account_dates.feed_first_day_number as varchar), '')"
        ~ " || '|' || case when first_usage.first_day_number <= account_dates.day_number"
        ~ " then 1 else 0 end"
    ) }} as usage_fingerprint
from account_dates
inner join summed
    on
        account_dates.account_id = summed.account_id
        and account_dates.score_date = summed.score_date
cross join features
cross join first_usage
