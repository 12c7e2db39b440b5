-- Exactly one live scorecard per goal in use, and retention is always in use. A row here is a goal
-- with none or several.
with

goals as (

    select goal from {{ ref('scorecards') }}

    union

    select 'retention' as goal

)

select
    goals.goal,
    count(live.scorecard) as live_scorecards
from goals
left join {{ ref('scorecards') }} as live
    on
        goals.goal = live.goal
        and live.status = 'live'
group by goals.goal
having count(live.scorecard) <> 1
