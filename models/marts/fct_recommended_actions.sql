-- One row per account scored at the as-of date and playbook among its best, at most three: what to
-- do next, and because of which number. From kept scores only, never from the memory of alerts.
with

as_of as (

    select score_date
    from {{ ref('score_dates') }}
    where score_date = as_of_date

),

playbooks as (

    select * from {{ ref('playbooks') }}

),

grades as (

    select * from {{ ref('grades') }}

),

metrics as (

    select * from {{ ref('metrics') }}

),

alert_rules as (

    select * from {{ ref('alert_rules') }}

),

live_scorecards as (

    select scorecard
    from {{ ref('scorecards') }}
    where
        goal = 'retention'
        and status = 'live'

),

accounts as (

    select
        standings.*,
        dim_accounts.account_name,
        lower(grades.response) = 'none' as is_healthy
    from {{ ref('account_health_daily') }} as standings
    inner join as_of
        on standings.score_date = as_of.score_date
    inner join {{ ref('dim_accounts') }} as dim_accounts
        on standings.account_id = dim_accounts.account_id
    left join grades
        on standings.grade = grades.grade

),

scores as (

    select fct_health_scores.*
    from {{ ref('fct_health_scores') }} as fct_health_scores
    inner join live_scorecards
        on fct_health_scores.scorecard = live_scorecards.scorecard
    inner join as_of
        on fct_health_scores.score_date = as_of.score_date

),

drivers as (

    select fct_health_drivers.*
    from {{ ref('fct_health_drivers') }} as fct_health_drivers
    inner join live_scorecards
        on fct_health_drivers.scorecard = live_scorecards.scorecard
    inner join as_of
        on fct_health_drivers.score_date = as_of.score_date

),

metric_values as (

    select metric_values.*
    from {{ ref('metric_values') }} as metric_values
    inner join as_of
        on metric_values.score_date = as_of.score_date

),

signals as (

    select signals.*
    from {{ ref('alert_signals') }} as signals
    inner join as_of
        on signals.score_date = as_of.score_date
    where signals.is_triggered

),

-- What playbooks look at: the value, its name and what it costs the score.
component_losses as (

    select
        account_id,
        component,
        sum(points_lost) as points_lost
    from drivers
    group by account_id, component

),

numbers as (

    {% for component in components() %}
        select
            account_id,
            'component' as trigger_on,
            '{{ component }}' as trigger_name,
            '{{ component }}_score' as number_name,
            {{ component }}_score as number_value,
            false as is_share
        from scores
        union all
    {% endfor %}
    select
        metric_values.account_id,
        'metric' as trigger_on,
        metric_values.metric as trigger_name,
        metric_values.metric as number_name,
        metric_values.metric_value as number_value,
        metrics.unit = 'share' as is_share
    from metric_values
    inner join metrics
        on metric_values.metric = metrics.metric

),

losses as (

    select
        account_id,
        'component' as trigger_on,
        component as trigger_name,
        points_lost
    from component_losses

    union all

    select
        account_id,
        'metric' as trigger_on,
        metric as trigger_name,
        points_lost
    from drivers

),

fired_by_number as (

    select
        playbooks.playbook,
        numbers.account_id,
        numbers.number_name || ' is '
        || case
            when numbers.is_share
                then {{ number_text('100 * numbers.number_value', 1) }} || ' %'
            else {{ number_text('numbers.number_value', 2) }}
        end
        || case playbooks.comparison
            when 'at_or_below' then ', at or below '
            else ', at or above '
        end
        || case
            when numbers.is_share then {{ number_text('100 * playbooks.threshold', 1) }} || ' %'
            else {{ number_text('playbooks.threshold', 2) }}
        end as reason
    from playbooks
    inner join numbers
        on
            playbooks.trigger_on = numbers.trigger_on
            and playbooks.trigger = numbers.trigger_name
    where
        (playbooks.comparison = 'at_or_below' and numbers.number_value <= playbooks.threshold)
        or (playbooks.comparison = 'at_or_above' and numbers.number_value >= playbooks.threshold)

),

-- A grade is at or below another one by its lower bound; the one without a bound is only itself.
grades_meant as (

    select
        playbooks.playbook,
        grades.grade,
        case
            when grades.grade = playbooks.trigger then ''
            when playbooks.comparison = 'at_or_below' then ', at or below ' || playbooks.trigger
            else ', at or above ' || playbooks.trigger
        end as side
    from playbooks
    inner join grades as wanted
        on playbooks.trigger = wanted.grade
    cross join grades
    where
        playbooks.trigger_on = 'grade'
        and (
            grades.grade = wanted.grade
            or (playbooks.comparison = 'at_or_below' and grades.min_score <= wanted.min_score)
            or (playbooks.comparison = 'at_or_above' and grades.min_score >= wanted.min_score)
        )

),

fired_by_grade as (

    select
        grades_meant.playbook,
        accounts.account_id,
        'grade is ' || accounts.grade
        || case
            when accounts.health_score is null
                then ' at a coverage of ' || {{ number_text('100 * accounts.coverage', 1) }} || ' %'
            else ' at a health_score of ' || {{ number_text('accounts.health_score', 2) }}
        end
        || grades_meant.side as reason
    from grades_meant
    inner join accounts
        on grades_meant.grade = accounts.grade

),

fired_by_alert as (

    select
        playbooks.playbook,
        signals.account_id,
        signals.rule
        || case
            when alert_rules.kind = 'drops_by'
                then
                    ': health_score is ' || {{ number_text('signals.value', 2) }}
                    || ' lower than ' || alert_rules.window_days || ' days before, at least '
                    || {{ number_text('alert_rules.level', 2) }}
            when alert_rules.kind = 'coverage_lost'
                then
                    ': coverage is ' || {{ number_text('100 * signals.value', 4) }} || ' %, below '
                    || {{ number_text('100 * alert_rules.level', 4) }} || ' %'
            when alert_rules.kind = 'recovers_above'
                then
                    ': health_score is ' || {{ number_text('signals.value', 2) }}
                    || ', again at or above ' || {{ number_text('alert_rules.level', 2) }}
            else
                ': health_score is ' || {{ number_text('signals.value', 2) }} || ', below '
                || {{ number_text('alert_rules.level', 2) }}
        end
        || case alert_rules.kind
            when 'stays_below' then ' for ' || alert_rules.window_days || ' days'
            when 'renewal_at_risk'
                then ', and the renewal at most ' || alert_rules.window_days || ' days away'
            else ''
        end as reason
    from playbooks
    inner join signals
        on playbooks.trigger = signals.rule
    inner join alert_rules
        on signals.rule = alert_rules.rule
    where playbooks.trigger_on = 'alert'

),

fired as (

    select * from fired_by_number
    union all
    select * from fired_by_grade
    union all
    select * from fired_by_alert

),

-- Expansion and advocacy playbooks only go to healthy accounts.
recommended as (

    select
        accounts.*,
        playbooks.playbook,
        playbooks.goal,
        playbooks.priority,
        playbooks.action,
        fired.reason,
        playbooks.owner_role,
        playbooks.due_days,
        row_number() over (
            partition by accounts.account_id
            order by
                playbooks.priority asc,
                coalesce(losses.points_lost, 0) desc,
                playbooks.playbook asc
        ) as action_rank
    from fired
    inner join playbooks
        on fired.playbook = playbooks.playbook
    inner join accounts
        on fired.account_id = accounts.account_id
    left join losses
        on
            fired.account_id = losses.account_id
            and playbooks.trigger_on = losses.trigger_on
            and playbooks.trigger = losses.trigger_name
    where
        playbooks.segment in (accounts.segment, '*')
        and (playbooks.goal = 'retention' or accounts.is_healthy)

)

select
    account_id,
    playbook,
    account_name,
    segment,
    owner,
    cast(action_rank as integer) as action_rank,
    goal,
    priority,
    action,
    reason,
    owner_role,
    arr,
    health_score,
    score_date,
    cast({{ dbt.dateadd('day', 'due_days', 'score_date') }} as date) as due_date
from recommended
where action_rank <= 3
