{{ config(pre_hook="{{ delete_stale_usage_days('activity_date') }}") }}

-- One row per account and day with usage. The fingerprint differs where anything about the
-- usage of that day changed.
with

usage_activity as (

    select
        *,
        {{ row_hash(['user_id', 'feature', 'events', 'duration_seconds']) }} as row_fingerprint
    from {{ ref('usage_activity_daily') }}
    where {{ is_stale_usage_day('activity_date') }}

)

select
    account_id,
    activity_date,
    {{ day_number('activity_date') }} as day_number,
    cast(sum(events) as bigint) as events,
    cast(sum(duration_seconds) as decimal(28, 6)) as duration_seconds,
    cast(count(distinct user_id) as bigint) as active_users,
    cast(sum(accepted_rows) as bigint) as accepted_rows,
    cast(sum(duplicate_rows) as bigint) as duplicate_rows,
    cast(sum(row_fingerprint) as decimal(38, 0)) as fingerprint
from usage_activity
group by account_id, activity_date
