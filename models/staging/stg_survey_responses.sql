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
            when response_id is null then 'missing_key:response_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('responded_at') }} then 'missing_value:responded_at'
            when survey_type is null then 'missing_value:survey_type'
            when {{ is_blank('score') }} then 'missing_value:score'
            when {{ failed_to_cast('responded_at') }} then 'bad_value:responded_at'
            when {{ failed_to_cast('score') }} then 'bad_value:score'
            when {{ is_out_of_time('responded_at') }} then 'out_of_time:responded_at'
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
        {{ version_rank('response_id', [
            'account_id', 'user_id', 'responded_at', 'survey_type',
            'score',
        ], has_updated_at=false) }} as version_rank
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
