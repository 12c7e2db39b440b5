-- One row per accepted account, scored or not, with the reason why not.
with

accounts as (

    select * from {{ ref('stg_accounts') }}
    where record_status = 'accepted'

),

as_of as (

    select max(as_of_date) as as_of_date
    from {{ ref('score_dates') }}

),

subscriptions as (

    select * from {{ ref('stg_subscriptions') }}
    where record_status = 'accepted'

),

hierarchy as (

    select * from {{ ref('account_hierarchy') }}
    where levels_up = 0

),

scored as (

    select
        account_segments.account_id,
        account_segments.segment
    from {{ ref('account_segments') }} as account_segments
    inner join as_of
        on account_segments.score_date = as_of.as_of_date

),

subscription_spans as (

    select
        account_id,
        min(started_on) as first_subscription_date,
        case when count(*) = count(ended_on) then max(ended_on) end as last_subscription_end_date
    from subscriptions
    group by account_id

)

select
    accounts.account_id,
    coalesce(accounts.account_name, accounts.account_id) as account_name,
    accounts.parent_account_id,
    hierarchy.is_parent_cycle_cut,
    accounts.owner,
    accounts.industry,
    accounts.region,
    scored.segment,
    case
        when scored.account_id is not null then null
        when accounts.is_test then 'test_account'
        when cast(accounts.created_at as date) > as_of.as_of_date then 'not_created_yet'
        when cast(accounts.deleted_at as date) <= as_of.as_of_date then 'deleted'
        when as_of.as_of_date is null then 'no_score_date'
        else 'no_subscription_in_force'
    end as not_scored_reason,
    scored.account_id is not null as is_scored,
    accounts.is_test,
    cast(accounts.created_at as date) as created_date,
    cast(accounts.deleted_at as date) as deleted_date,
    subscription_spans.first_subscription_date,
    subscription_spans.last_subscription_end_date
from accounts
cross join as_of
inner join hierarchy
    on accounts.account_id = hierarchy.account_id
left join scored
    on accounts.account_id = scored.account_id
left join subscription_spans
    on accounts.account_id = subscription_spans.account_id
