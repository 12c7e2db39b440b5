{{ config(pre_hook="{{ delete_stale_usage_days('event_date') }}") }}

-- One row per day of usage events that was read: what came in and what became of it. Written after
-- the daily facts: what a run finds here is what they were made of.
with

days_read as (

    select * from {{ ref('stale_usage_days') }}
    where raw_rows > 0

),

accepted as (

    select
        activity_date,
        count(*) as active_accounts,
        sum(accepted_rows) as accepted_rows,
        sum(duplicate_rows) as duplicate_rows
    from {{ ref('account_activity_daily') }}
    group by activity_date

),

issues as (

    select
        event_date,
        count(*) as issue_rows,
        sum(case when rejection_reason is not null then 1 else 0 end) as rejected_rows
    from {{ ref('usage_event_issues') }}
    group by event_date

)

select
    days_read.event_date,
    days_read.raw_rows,
    cast(coalesce(accepted.accepted_rows, 0) as bigint) as accepted_rows,
    cast(coalesce(accepted.duplicate_rows, 0) as bigint) as duplicate_rows,
    cast(coalesce(issues.rejected_rows, 0) as bigint) as rejected_rows,
    cast(coalesce(issues.issue_rows, 0) as bigint) as issue_rows,
    cast(coalesce(accepted.active_accounts, 0) as bigint) as active_accounts,
    days_read.newest_loaded_at
from days_read
left join accepted
    on days_read.event_date = accepted.activity_date
left join issues
    on days_read.event_date = issues.event_date
