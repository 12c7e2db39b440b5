-- What a playbook compares follows from its trigger: an alert compares nothing, a grade has no
-- threshold, and a storm is no alert of an account. A row here is a playbook with a cell that
-- nothing would read, or that could never be recommended.
select
    playbooks.playbook,
    playbooks.trigger_on,
    playbooks.comparison,
    playbooks.threshold,
    alert_rules.kind
from {{ ref('playbooks') }} as playbooks
left join {{ ref('alert_rules') }} as alert_rules
    on playbooks.trigger = alert_rules.rule
where
    (playbooks.trigger_on = 'alert' and playbooks.comparison is not null)
    or (playbooks.trigger_on in ('alert', 'grade') and playbooks.threshold is not null)
    or (playbooks.trigger_on = 'alert' and alert_rules.kind = 'storm')
