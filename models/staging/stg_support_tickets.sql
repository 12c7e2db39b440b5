-- One row per raw row of the support_tickets input, with the verdict on it.
with

raw_rows as (

    select * from {{ ref('input_support_tickets') }}

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
            when ticket_id is null then 'missing_key:ticket_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('opened_at') }} then 'missing_value:opened_at'
            when {{ failed_to_cast('opened_at') }} then 'bad_value:opened_at'
            when {{ failed_to_cast('solved_at') }} then 'bad_value:solved_at'
            when {{ is_out_of_time('opened_at') }} then 'out_of_time:opened_at'
            when {{ is_out_of_time('first_response_at') }} then 'out_of_time:first_response_at'
            when {{ is_out_of_time('solved_at') }} then 'out_of_time:solved_at'
            when {{ is_out_of_time('updated_at') }} then 'out_of_time:updated_at'
            when solved_at < opened_at then 'end_before_start:solved_at'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection,
        case
            when {{ failed_to_cast('first_response_at') }} then 'bad_value'
        end as first_response_at_issue,
        case
            when lower(priority) not in ('low', 'normal', 'high', 'urgent') then 'unknown_value'
        end as priority_issue,
        case
            when {{ failed_to_cast('reopen_count') }} then 'bad_value'
            when reopen_count < 0 then 'out_of_range'
        end as reopen_count_issue,
        case
            when {{ failed_to_cast('csat_score') }} then 'bad_value'
            when csat_score not between 1 and 5 then 'out_of_range'
        end as csat_score_issue,
        case when {{ failed_to_cast('updated_at') }} then 'bad_value' end as updated_at_issue
    from matched

),

blanked as (

    select
        ticket_id,
        account_id,
        opened_at,
        first_response_at,
        solved_at,
        updated_at,
        loaded_at,
        rejection,
        {{ cell_issues([
            'first_response_at', 'priority', 'reopen_count', 'csat_score', 'updated_at',
        ]) }} as cell_issues,
        case when priority_issue is null then priority end as priority,
        case when reopen_count_issue is null then reopen_count end as reopen_count,
        case when csat_score_issue is null then csat_score end as csat_score
    from judged

),

numbered as (

    select
        *,
        {{ version_rank('ticket_id', [
            'account_id', 'opened_at', 'first_response_at', 'solved_at',
            'priority', 'reopen_count', 'csat_score',
        ]) }} as version_rank
    from blanked

)

select
    ticket_id,
    account_id,
    priority,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    cell_issues,
    coalesce(lower(priority) in ('high', 'urgent'), false) as is_urgent,
    coalesce(reopen_count > 0, false) as is_reopened,
    csat_score,
    opened_at,
    first_response_at,
    solved_at,
    loaded_at
from numbered
