-- One row per raw row of the subscriptions input, with the verdict on it. MRR is in the reporting
-- currency.
with

raw_rows as (

    select * from {{ ref('input_subscriptions') }}

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
        {{ in_reporting_currency('raw_rows.mrr', 'currencies.rate') }} as reporting_mrr
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
            when subscription_id is null then 'missing_key:subscription_id'
            when account_id is null then 'missing_account_id:account_id'
            when {{ is_blank('started_at') }} then 'missing_value:started_at'
            when {{ failed_to_cast('started_at') }} then 'bad_value:started_at'
            when {{ failed_to_cast('ended_at') }} then 'bad_value:ended_at'
            when {{ is_before_2000('started_at') }} then 'out_of_time:started_at'
            when {{ is_before_2000('term_ends_at') }} then 'out_of_time:term_ends_at'
            when {{ is_before_2000('ended_at') }} then 'out_of_time:ended_at'
            when {{ is_out_of_time('updated_at') }} then 'out_of_time:updated_at'
            when cast(ended_at as date) < cast(started_at as date)
                then 'end_before_start:ended_at'
            when not is_known_account then 'unknown_account:account_id'
        end as rejection,
        case
            when {{ failed_to_cast('seats') }} then 'bad_value'
            when seats < 0 then 'out_of_range'
        end as seats_issue,
        case
            when {{ failed_to_cast('mrr') }} then 'bad_value'
            when mrr is not null and is_known_currency and reporting_mrr is null then 'bad_value'
            when mrr < 0 then 'out_of_range'
            when mrr is not null and not is_known_currency then 'unknown_currency'
        end as mrr_issue,
        case when {{ failed_to_cast('is_trial') }} then 'bad_value' end as is_trial_issue,
        case when {{ failed_to_cast('auto_renew') }} then 'bad_value' end as auto_renew_issue,
        case when {{ failed_to_cast('term_ends_at') }} then 'bad_value' end as term_ends_at_issue,
        case when {{ failed_to_cast('updated_at') }} then 'bad_value' end as updated_at_issue
    from converted

),

blanked as (

    select
        subscription_id,
        account_id,
        plan,
        currency,
        is_trial,
        auto_renew,
        started_at,
        term_ends_at,
        ended_at,
        updated_at,
        loaded_at,
        rejection,
        {{ cell_issues([
            'seats', 'mrr', 'is_trial', 'auto_renew', 'term_ends_at', 'updated_at',
        ]) }} as cell_issues,
        case when seats_issue is null then seats end as seats,
        case when mrr_issue is null then mrr end as mrr,
        case when mrr_issue is null then reporting_mrr end as reporting_mrr
    from judged

),

numbered as (

    select
        *,
        {{ version_rank('subscription_id', [
            'account_id', 'plan', 'seats', 'mrr',
            'currency', 'is_trial', 'auto_renew', 'started_at',
            'term_ends_at', 'ended_at',
        ]) }} as version_rank
    from blanked

)

select
    subscription_id,
    account_id,
    plan,
    {{ record_status() }} as record_status,
    {{ rejection_part('reason') }} as rejection_reason,
    {{ rejection_part('column') }} as rejected_column,
    cell_issues,
    coalesce(is_trial, false) as is_trial,
    auto_renew,
    seats,
    reporting_mrr as mrr,
    cast(started_at as date) as started_on,
    cast(term_ends_at as date) as term_ends_on,
    cast(ended_at as date) as ended_on,
    started_at,
    loaded_at
from numbered
