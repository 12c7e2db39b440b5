-- One row per raw row of the score_overrides input, with the verdict on it. Reason and author are
-- read for choosing between versions and stay behind.
with

raw_rows as (

    select * from {{ ref('input_score_overrides') }}

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
            when override_id is null then 'missing_key:override_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('score') }} then 'missing_value:score'
            when reason is null then 'missing_value:reason'
            when author is null then 'missing_value:author'
            when {{ is_blank('starts_at') }} then 'missing_value:starts_at'
            when {{ is_blank('expires_at') }} then 'missing_value:expires_at'
            when {{ failed_to_cast('score') }} then 'bad_value:score'
            when {{ failed_to_cast('starts_at') }} then 'bad_value:starts_at'
            when {{ failed_to_cast('expires_at') }} then 'bad_value:expires_at'
            when {{ is_before_2000('starts_at') }} then 'out_of_time:starts_at'
            when {{ is_before_2000('expires_at') }} then 'out_of_time:expires_at'
            when cast(expires_at as date) < cast(starts_at as date)
                then 'end_before_start:expires_at'
            when score not between 0 and 100 then 'out_of_range:score'
            when {{ day_number('expires_at') }} - {{ day_number('starts_at') }} > 90
                then 'override_too_long:expires_at'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection
    from matched

),

numbered as (

    select
        *,
        {{ version_rank('override_id', [
            'account_id', 'score', 'reason', 'author',
            'starts_at', 'expires_at',
        ], has_updated_at=false) }} as version_rank
    from judged

)

select
    override_id,
    account_id,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    score,
    starts_at,
    cast(starts_at as date) as starts_on,
    cast(expires_at as date) as expires_on,
    loaded_at
from numbered
