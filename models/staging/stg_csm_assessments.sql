-- One row per raw row of the csm_assessments input, with the verdict on it. Author and note are
-- read for choosing between versions and stay behind.
with

raw_rows as (

    select * from {{ ref('input_csm_assessments') }}

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
            when assessment_id is null then 'missing_key:assessment_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('assessed_at') }} then 'missing_value:assessed_at'
            when {{ is_blank('sentiment') }} then 'missing_value:sentiment'
            when {{ failed_to_cast('assessed_at') }} then 'bad_value:assessed_at'
            when {{ failed_to_cast('sentiment') }} then 'bad_value:sentiment'
            when {{ is_out_of_time('assessed_at') }} then 'out_of_time:assessed_at'
            when sentiment not between 1 and 5 or sentiment <> floor(sentiment)
                then 'out_of_range:sentiment'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection
    from matched

),

numbered as (

    select
        *,
        {{ version_rank('assessment_id', [
            'account_id', 'assessed_at', 'sentiment', 'author',
            'note',
        ], has_updated_at=false) }} as version_rank
    from judged

)

select
    assessment_id,
    account_id,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    sentiment,
    assessed_at,
    loaded_at
from numbered
