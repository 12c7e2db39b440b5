-- One row per segment and score date: how its accounts are, without one number hiding another.
with

members as (

    select
        *,
        segment as group_key
    from {{ ref('account_health_daily') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

{{ health_rollup('segment') }}

select * from rolled_up
