-- One row per raw row of the invoices input, with the verdict on it. Amounts are in the reporting
-- currency.
with

raw_rows as (

    select * from {{ ref('input_invoices') }}

),

accounts as (

    select * from {{ ref('stg_accounts') }}
    where record_status = 'accepted'

),

currencies as (

    select * from {{ ref('currencies') }}

),

converted as (

    select
        raw_rows.*,
        accounts.account_id is not null as is_known_account,
        raw_rows.currency is null or currencies.currency is not null as is_known_currency,
        {{ in_reporting_currency('raw_rows.amount', 'currencies.rate') }} as reporting_amount
    from raw_rows
    left join accounts
        on raw_rows.account_id = accounts.account_id
    left join currencies
        on lower(raw_rows.currency) = lower(currencies.currency)

),

judged as (

    select
        *,
        case
            when invoice_id is null then 'missing_key:invoice_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('issued_at') }} then 'missing_value:issued_at'
            when {{ is_blank('amount') }} then 'missing_value:amount'
            when kind is null then 'missing_value:kind'
            when {{ failed_to_cast('issued_at') }} then 'bad_value:issued_at'
            when {{ failed_to_cast('paid_at') }} then 'bad_value:paid_at'
            when {{ failed_to_cast('amount') }} then 'bad_value:amount'
            when amount is not null and is_known_currency and reporting_amount is null
                then 'bad_value:amount'
            when {{ is_out_of_time('issued_at') }} then 'out_of_time:issued_at'
            when {{ is_before_2000('due_at') }} then 'out_of_time:due_at'
            when {{ is_out_of_time('paid_at') }} then 'out_of_time:paid_at'
            when {{ is_out_of_time('updated_at') }} then 'out_of_time:updated_at'
            when lower(kind) not in ('recurring', 'one_off', 'credit') then 'unknown_value:kind'
            when not is_known_currency then 'unknown_currency:currency'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection,
        case when {{ failed_to_cast('due_at') }} then 'bad_value' end as due_at_issue,
        case when {{ failed_to_cast('updated_at') }} then 'bad_value' end as updated_at_issue
    from converted

),

numbered as (

    select
        *,
        {{ version_rank('invoice_id', [
            'account_id', 'issued_at', 'due_at', 'paid_at',
            'amount', 'currency', 'kind',
        ]) }} as version_rank
    from judged

)

select
    invoice_id,
    account_id,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    {{ cell_issues(['due_at', 'updated_at']) }} as cell_issues,
    lower(kind) as kind,
    reporting_amount as amount,
    cast(issued_at as date) as issued_on,
    cast(due_at as date) as due_on,
    cast(paid_at as date) as paid_on,
    loaded_at
from numbered
