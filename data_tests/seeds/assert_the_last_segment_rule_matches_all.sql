-- A rule has no condition, so that every account has a segment; rules behind it fail a test of
-- their own. A row here is the rule of the highest priority number where each has conditions.
with

rules as (

    select
        priority,
        max(priority) over () as last_priority,
        sum(
            case
                when
                    is_trial is null
                    and industry is null
                    and plan is null
                    and min_tenure_days is null
                    and max_tenure_days is null
                    and min_mrr is null
                    and max_mrr is null
                    and min_seats is null
                    and max_seats is null
                    then 1
                else 0
            end
        ) over () as matching_all
    from {{ ref('segments') }}

)

select
    'segments' as seed,
    cast(priority as {{ dbt.type_string() }}) as row_key,
    'priority' as column_name,
    'the last rule has conditions, so that some accounts have no segment' as fault,
    'add a last rule, of the highest priority number, without conditions' as hint
from rules
where
    priority = last_priority
    and matching_all = 0
