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
            {{ contract_rejections('csm_assessments') }}
            when sentiment not between 1 and 5 or sentiment <> floor(sentiment) then 'out_of_range:sentiment'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection
    from matched

),

numbered as (

    select
        *,
        {{ version_number('csm_assessments') }} as version_number
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
