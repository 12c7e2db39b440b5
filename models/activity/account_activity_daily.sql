-- One row per account and day with usage.
with

usage_activity as (

    select * from {{ ref('usage_activity_daily') }}

)

select
    account_id,
    activity_date,
    {{ day_number('activity_date') }} as day_number,
    cast(sum(events) as bigint) as events,
    cast(sum(duration_seconds) as decimal(28, 6)) as duration_seconds,
    cast(count(distinct user_id) as bigint) as active_users
from usage_activity
group by account_id, activity_date
