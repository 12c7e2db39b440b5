-- One row per account and account above it, at any depth, the account itself included. Parents that
-- form a cycle are cut: the smallest account of the cycle counts as having no parent.
with recursive

accounts as (

    select
        account_id,
        parent_account_id
    from {{ ref('stg_accounts') }}
    where record_status = 'accepted'

),

-- Everything above an account as received. Each pair is kept once, which is what ends a cycle.
reached as (

    {{ ancestor_pairs('reached', 'accounts', 'account_id', 'parent_account_id') }}

),

-- In a cycle, every account has all accounts of the cycle as ancestors, itself included, and no
-- other: an account that is the smallest of its own ancestors is the smallest of its cycle.
cuts as (

    select account_id
    from reached
    group by account_id
    having min(reached_account_id) = account_id

),

links as (

    select
        accounts.account_id,
        case when cuts.account_id is null then accounts.parent_account_id end as parent_account_id,
        cuts.account_id is not null as is_parent_cycle_cut
    from accounts
    left join cuts
        on accounts.account_id = cuts.account_id

),

ancestors as (

    select
        account_id,
        account_id as ancestor_account_id,
        0 as levels_up
    from accounts

    union all

    select
        ancestors.account_id,
        links.parent_account_id as ancestor_account_id,
        ancestors.levels_up + 1 as levels_up
    from ancestors
    inner join links
        on ancestors.ancestor_account_id = links.account_id
    where links.parent_account_id is not null

)

select
    ancestors.account_id,
    ancestors.ancestor_account_id,
    ancestors.levels_up,
    links.is_parent_cycle_cut
from ancestors
inner join links
    on ancestors.account_id = links.account_id
