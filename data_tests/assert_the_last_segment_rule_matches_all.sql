-- The rule of the highest priority number has no condition, so that every account has a segment.
-- A row here is a last rule that can fail to match.
with

rules as (

    select
        *,
        max(priority) over () as last_priority
    from {{ ref('segments') }}

)

select
    priority,
    segment
from rules
where
    priority = last_priority
    and (
        is_trial is not null
        or industry is not null
        or plan is not null
        or min_tenure_days is not null
        or max_tenure_days is not null
        or min_mrr is not null
        or max_mrr is not null
        or min_seats is not null
        or max_seats is not null
    )
