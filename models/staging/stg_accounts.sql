-- One row per raw row of the accounts input, with the verdict on it.
with

raw_rows as (

    select * from {{ ref('input_accounts') }}

),

checked as (

    select
        *,
        case
            when account_id is null then 'missing_key:account_id'
            when {{ is_blank('created_at') }} then 'missing_value:created_at'
            when {{ failed_to_cast('created_at') }} then 'bad_value:created_at'
            when {{ failed_to_cast('deleted_at') }} then 'bad_value:deleted_at'
            when {{ is_out_of_time('created_at') }} then 'out_of_time:created_at'
            when {{ is_out_of_time('updated_at') }} then 'out_of_time:updated_at'
            when {{ is_out_of_time('deleted_at') }} then 'out_of_time:deleted_at'
            when cast(deleted_at as date) < cast(created_at as date)
                then 'end_before_start:deleted_at'
        end as rejection,
        case when {{ failed_to_cast('is_test') }} then 'bad_value' end as is_test_issue,
        case when {{ failed_to_cast('updated_at') }} then 'bad_value' end as updated_at_issue
    from raw_rows

),

numbered as (

    select
        *,
        {{ version_rank('account_id', [
            'account_name', 'parent_account_id', 'industry', 'region',
            'owner', 'created_at', 'is_test', 'deleted_at',
        ]) }} as version_rank
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
