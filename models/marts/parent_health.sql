-- One row per account that others belong to and score date: the whole group below it, at any depth,
-- itself included. A parent that is no account of ours has a row all the same.
with

standings as (

    select * from {{ ref('account_health_daily') }}

),

hierarchy as (

    select * from {{ ref('account_hierarchy') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

groups as (

    select
        ancestor_account_id as group_key,
        max(levels_up) as levels_below
    from hierarchy
    group by ancestor_account_id
    having max(levels_up) > 0

),

members as (

    select
        standings.*,
        groups.group_key
    from groups
    inner join hierarchy
        on groups.group_key = hierarchy.ancestor_account_id
    inner join standings
        on hierarchy.account_id = standings.account_id

),

{{ health_rollup('parent_account_id') }}

select
    rolled_up.*,
    coalesce(parents.account_name, rolled_up.parent_account_id) as parent_account_name,
    groups.levels_below,
    coalesce(parents.is_parent_cycle_cut, false) as is_parent_cycle_cut
from rolled_up
inner join groups
    on rolled_up.parent_account_id = groups.group_key
left join accounts as parents
    on rolled_up.parent_account_id = parents.account_id
