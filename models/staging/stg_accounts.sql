-- One row per raw row of the accounts input, with the verdict on it.
with

raw_rows as (

    select * from {{ ref('input_accounts') }}

),

checked as (

    select
        *,
        case
            {{ contract_rejections('accounts') }}
            when cast(deleted_at as date) < cast(created_at as date) then 'end_before_start:deleted_at'
        end as rejection,
        case when {{ is_bad('is_test') }} then 'bad_value' end as is_test_issue,
        case when {{ is_bad('updated_at') }} then 'bad_value' end as updated_at_issue
    from raw_rows

),

numbered as (

    select
        *,
        {{ version_number('accounts') }} as version_number
    from checked

)

select
    account_id,
    parent_account_id,
    account_name,
    industry,
    region,
    owner,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    {{ cell_issues(['is_test', 'updated_at']) }} as cell_issues,
    coalesce(is_test, false) as is_test,
    created_at,
    deleted_at,
    loaded_at
from numbered
