-- One row per raw usage event that was rejected or lost a cell.
with

events as (

    select * from {{ ref('stg_usage_events') }}

)

select
    event_id,
    account_id,
    rejection_reason,
    rejected_column,
    cell_issues,
    loaded_at
from events
where
    rejection_reason is not null
    or cell_issues is not null
