-- What a playbook compares follows from its trigger: an alert compares nothing, a grade has no
-- threshold, and a storm is no alert of an account. A row here is a cell of a playbook that nothing
-- would read, or that makes it one that could never be recommended.
with

cells as (

    select
        playbook,
        trigger_on,
        'comparison' as column_name,
        comparison as cell
    from {{ ref('playbooks') }}
    where trigger_on = 'alert'

    union all

    select
        playbook,
        trigger_on,
        'threshold' as column_name,
        {{ number_text('threshold', 6) }} as cell
    from {{ ref('playbooks') }}
    where trigger_on in ('alert', 'grade')

)

select
    'playbooks' as seed,
    playbook as row_key,
    column_name,
    '"' || cell || '" beside a playbook that is triggered by the ' || trigger_on as fault,
    'leave ' || column_name || ' blank, or let trigger_on be component or metric' as hint
from cells
where cell is not null

union all

select
    'playbooks' as seed,
    playbooks.playbook as row_key,
    'trigger' as column_name,
    playbooks.trigger || ' is no alert of an account: it says that there are too many' as fault,
    'name another rule of alert_rules.csv' as hint
from {{ ref('playbooks') }} as playbooks
inner join {{ ref('alert_rules') }} as alert_rules
    on playbooks.trigger = alert_rules.rule
where
    playbooks.trigger_on = 'alert'
    and alert_rules.kind = 'storm'
