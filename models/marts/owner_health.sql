-- One row per owner and score date: the book of business of a customer-success manager, and in a
-- row without owner the accounts that nobody looks after.
with

members as (

    select
        *,
        coalesce(owner, '') as group_key
    from {{ ref('account_health_daily') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

{{ health_rollup('owner') }}

select * from rolled_up
