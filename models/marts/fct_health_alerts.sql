-- One row per alert episode that was shown: of an account, or a storm in place of many.
with

episodes as (

    select * from {{ ref('alert_episodes') }}
    where
        record = 'episode'
        and storm_id is null

),

accounts as (

    select * from {{ ref('dim_accounts') }}

)

select
    episodes.alert_id,
    episodes.account_id,
    accounts.account_name,
    accounts.owner,
    episodes.segment,
    episodes.rule,
    episodes.kind,
    episodes.severity,
    episodes.description,
    episodes.level,
    episodes.window_days,
    episodes.opened_on,
    episodes.last_seen_on,
    episodes.closed_on,
    episodes.closed_on is null as is_open,
    episodes.score_at_opening,
    episodes.unit,
    episodes.value_at_opening,
    episodes.worst_value,
    episodes.arr,
    episodes.accounts,
    episodes.driver_1,
    episodes.driver_2,
    episodes.driver_3
from episodes
left join accounts
    on episodes.account_id = accounts.account_id
