-- One row per raw row of the survey_responses input, with the verdict on it.
with

raw_rows as (

    select * from {{ ref('input_survey_responses') }}

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
            {{ contract_rejections('survey_responses') }}
            when
                lower(survey_type) = 'nps'
                and (score not between 0 and 10 or score <> floor(score))
                then 'out_of_range:score'
            when lower(survey_type) = 'csat' and score not between 1 and 5 then 'out_of_range:score'
            when lower(survey_type) not in ('nps', 'csat') then 'unknown_value:survey_type'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection
    from matched

),

numbered as (

    select
        *,
        {{ version_number('survey_responses') }} as version_number
    from judged

)

select
    response_id,
    account_id,
    user_id,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    lower(survey_type) as survey_type,
    score,
    responded_at,
    loaded_at
from numbered
