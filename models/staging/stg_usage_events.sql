{{ config(materialized='view') }}

-- One row per raw row of the usage_events input, judged but not yet deduplicated: that happens
-- once, where the daily facts are made.
with

raw_rows as (

    select * from {{ ref('input_usage_events') }}

),

accounts as (

    select * from {{ ref('stg_accounts') }}
    where record_status = 'accepted'

),

matched as (

    select
        raw_rows.*,
        accounts.account_id is not null as is_known_account
    from raw_rows
    left join accounts
        on raw_rows.account_id = accounts.account_id

),

judged as (

    select
        *,
        case
            when event_id is null then 'missing_key:event_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('event_at') }} then 'missing_value:event_at'
            when feature is null then 'missing_value:feature'
            when {{ failed_to_cast('event_at') }} then 'bad_value:event_at'
            when {{ is_out_of_time('event_at') }} then 'out_of_time:event_at'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection,
        case
            when {{ failed_to_cast('duration_seconds') }} then 'bad_value'
            when duration_seconds < 0 then 'out_of_range'
        end as duration_seconds_issue,
        case
            when {{ failed_to_cast('event_count') }} then 'bad_value'
            when event_count < 1 then 'out_of_range'
        end as event_count_issue
    from matched

)

select
    event_id,
    account_id,
    user_id,
    feature,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    {{ cell_issues(['duration_seconds', 'event_count']) }} as cell_issues,
    case when duration_seconds_issue is null then duration_seconds end as duration_seconds,
    case when event_count_issue is null then event_count end as event_count,
    cast(event_at as date) as event_date,
    event_at,
    loaded_at
from judged
