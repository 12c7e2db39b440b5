{{ config(pre_hook="{{ delete_stale_usage_days('activity_date') }}") }}

-- One row per account, day, user (null: unknown) and feature. The only reader of accepted usage
-- events; an event sent several times counts once. Kept by days: only days with new rows are read.
with

events as (

    select * from {{ ref('stg_usage_events') }}
    where
        rejection_reason is null
        and {{ is_stale_usage_day('event_date', 'event_at') }}

),

deduplicated as (

    {{ deduplicate('events', ['event_id', 'event_date'], [
        {'name': 'loaded_at'},
        {'name': 'account_id'},
        {'name': 'user_id', 'smallest': "''"},
        {'name': 'event_at'},
        {'name': 'feature'},
        {'name': 'duration_seconds', 'smallest': '-1'},
        {'name': 'event_count', 'smallest': '0'},
    ]) }}

)

select
    account_id,
    user_id,
    feature,
    event_date as activity_date,
    cast(sum(coalesce(event_count, 1)) as bigint) as events,
    cast(sum(duration_seconds) as decimal(28, 6)) as duration_seconds,
    cast(count(*) as bigint) as accepted_rows,
    cast(sum(raw_rows) - count(*) as bigint) as duplicate_rows
from deduplicated
group by account_id, user_id, feature, event_date
