-- Exactly one live scorecard per goal in use, and retention is always in use. A row here is a
-- scorecard of a goal with none, or one of several that are live. Nothing is said as long as some
-- goal or status is blank, which fails a test of its own.
with

scorecards as (

    select * from {{ ref('scorecards') }}

),

goals as (

    select goal from scorecards

    union

    select 'retention' as goal

),

counted as (

    select
        goals.goal,
        count(live.scorecard) as live_scorecards
    from goals
    left join scorecards as live
        on
            goals.goal = live.goal
            and live.status = 'live'
    group by goals.goal

)

select
    'scorecards' as seed,
    scorecards.scorecard as row_key,
    'status' as column_name,
    case
        when counted.live_scorecards = 0
            then 'no scorecard of goal ' || counted.goal || ' is live'
        else
            cast(counted.live_scorecards as {{ dbt.type_string() }}) || ' scorecards of goal '
            || counted.goal || ' are live'
    end as fault,
    case
        when counted.live_scorecards = 0 then 'set the status of one to live'
        else 'leave one live, make the others challenger or retired'
    end as hint
from counted
left join scorecards
    on
        counted.goal = scorecards.goal
        and (
            counted.live_scorecards = 0
            or scorecards.status = 'live'
        )
where
    counted.live_scorecards <> 1
    and not exists (
        select 1 from scorecards as unclear
        where
            unclear.goal is null
            or unclear.status is null
    )
