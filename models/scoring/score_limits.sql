-- One row per account and score date on which something is set above the arithmetic of a retention
-- score: the lowest cap that holds, the override in force, or both.
with

side_by_side as (

    select * from {{ ref('metrics_wide') }}

),

caps as (

    select
        score_caps.*,
        metrics.better
    from {{ ref('score_caps') }} as score_caps
    inner join {{ ref('metrics') }} as metrics
        on score_caps.metric = metrics.metric

),

overrides as (

    select * from {{ ref('stg_score_overrides') }}
    where record_status = 'accepted'

),

capped_values as (

    select
        side_by_side.account_id,
        side_by_side.score_date,
        caps.cap,
        caps.max_score,
        caps.better,
        caps.worse_than,
        {{ metric_value_of('caps.metric', 'side_by_side') }} as metric_value
    from side_by_side
    inner join caps
        on caps.segment in (side_by_side.segment, '*')

),

caps_that_hold as (

    select
        account_id,
        score_date,
        cap,
        max_score,
        row_number() over (
            partition by account_id, score_date
            order by max_score asc, cap asc
        ) as cap_rank
    from capped_values
    where
        (better = 'higher' and metric_value < worse_than)
        or (better = 'lower' and metric_value > worse_than)

),

overrides_in_force as (

    select
        side_by_side.account_id,
        side_by_side.score_date,
        overrides.override_id,
        overrides.score,
        row_number() over (
            partition by side_by_side.account_id, side_by_side.score_date
            order by overrides.starts_at desc, overrides.override_id desc
        ) as override_rank
    from side_by_side
    inner join overrides
        on
            side_by_side.account_id = overrides.account_id
            and side_by_side.score_date >= overrides.starts_on
            and side_by_side.score_date < overrides.expires_on

)

select
    side_by_side.account_id,
    side_by_side.score_date,
    caps_that_hold.cap,
    cast(caps_that_hold.max_score as decimal(5, 2)) as max_score,
    overrides_in_force.override_id,
    cast(overrides_in_force.score as decimal(5, 2)) as override_score
from side_by_side
left join caps_that_hold
    on
        side_by_side.account_id = caps_that_hold.account_id
        and side_by_side.score_date = caps_that_hold.score_date
        and caps_that_hold.cap_rank = 1
left join overrides_in_force
    on
        side_by_side.account_id = overrides_in_force.account_id
        and side_by_side.score_date = overrides_in_force.score_date
        and overrides_in_force.override_rank = 1
where
    caps_that_hold.cap is not null
    or overrides_in_force.override_id is not null
