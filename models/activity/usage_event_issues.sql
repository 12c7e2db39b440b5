{{ config(pre_hook="{{ delete_stale_usage_days('event_date') }}") }}

-- One row per raw usage event that was rejected or lost a cell. Kept by days, as the daily facts.
with

events as (

    select
        *,
        {{ event_day('event_at') }} as read_with_date
    from {{ ref('stg_usage_events') }}

)

select
    event_id,
    account_id,
    rejection_reason,
    rejected_column,
    cell_issues,
    read_with_date as event_date,
    loaded_at
from events
where
    (
        rejection_reason is not null
        or cell_issues is not null
    )
    and {{ is_stale_usage_day('read_with_date', 'event_at') }}
