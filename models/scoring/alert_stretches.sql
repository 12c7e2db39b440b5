-- One row per account, rule and time during which the account is in the state that the rule watches
-- for: from the date that triggers to the first one after it that recovers, or on which the account
-- has no signal. Only of dates that the memory of the alerts has not seen; what was open before
-- goes on. The state on a date follows from the last signal that triggered or recovered, so that
-- several new dates in one run give what they give one by one. And one row per rule: up to where
-- the memory had seen it, and up to where it is evaluated here.
with

memory as (

    {{ alert_memory() }}

),

seen as (

    select
        rule,
        evaluated_through
    from memory
    where record = 'rule'

),

rules as (

    select * from {{ ref('alert_rules') }}
    where kind <> 'storm'

),

scores as (

    select
        scores.account_id,
        scores.score_date,
        scores.segment,
        scores.health_score
    from {{ ref('fct_health_scores') }} as scores
    inner join {{ ref('scorecards') }} as scorecards
        on scores.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'

),

signal_dates as (

    select distinct score_date
    from {{ ref('alert_signals') }}

),

evaluated_dates as (

    select
        rules.rule,
        signal_dates.score_date,
        row_number() over (
            partition by rules.rule
            order by signal_dates.score_date
        ) as date_index
    from rules
    cross join signal_dates
    left join seen
        on rules.rule = seen.rule
    where
        seen.evaluated_through is null
        or signal_dates.score_date > seen.evaluated_through

),

last_dates as (

    select
        rule,
        max(date_index) as last_index,
        max(score_date) as last_date
    from evaluated_dates
    group by rule

),

open_before as (

    select
        memory.account_id,
        memory.rule
    from memory
    inner join rules
        on memory.rule = rules.rule
    where
        memory.record = 'episode'
        and memory.closed_on is null

),

new_signals as (

    select
        signals.account_id,
        signals.rule,
        evaluated_dates.date_index,
        signals.is_triggered,
        signals.is_recovered,
        signals.value as watched_value
    from {{ ref('alert_signals') }} as signals
    inner join evaluated_dates
        on
            signals.rule = evaluated_dates.rule
            and signals.score_date = evaluated_dates.score_date

),

concerned as (

    select
        account_id,
        rule
    from new_signals
    where is_triggered

    union distinct

    select
        account_id,
        rule
    from open_before

),

-- Integer surrogate key: cheaper to join on than (account_id, rule).
watches as (

    select
        concerned.account_id,
        concerned.rule,
        last_dates.last_index,
        row_number() over (order by concerned.account_id, concerned.rule) as watch
    from concerned
    inner join last_dates
        on concerned.rule = last_dates.rule

),

-- What was open before counts as triggered just before the first new date.
states as (

    select
        watches.watch,
        watches.last_index,
        0 as date_index,
        true as is_triggered,
        false as is_recovered,
        cast(null as decimal(9, 6)) as watched_value
    from open_before
    inner join watches
        on
            open_before.account_id = watches.account_id
            and open_before.rule = watches.rule

    union all

    select
        watches.watch,
        watches.last_index,
        new_signals.date_index,
        new_signals.is_triggered,
        new_signals.is_recovered,
        new_signals.watched_value
    from new_signals
    inner join watches
        on
            new_signals.account_id = watches.account_id
            and new_signals.rule = watches.rule

),

with_next as (

    select
        *,
        coalesce(
            lead(date_index) over (partition by watch order by date_index), last_index + 1
        ) as next_index
    from states

),

-- An account without a signal on an evaluated date has left, or left the segment: that closes too.
decisions as (

    select
        watch,
        date_index,
        is_triggered as is_on
    from with_next
    where is_triggered or is_recovered

    union all

    select
        watch,
        date_index + 1 as date_index,
        false as is_on
    from with_next
    where next_index > date_index + 1

),

with_previous_state as (

    select
        *,
        coalesce(lag(is_on) over (partition by watch order by date_index), false) as was_on
    from decisions

),

turns as (

    select
        watch,
        date_index,
        is_on,
        lead(date_index) over (partition by watch order by date_index) as next_index
    from with_previous_state
    where is_on <> was_on

),

-- Index 0 is what was open before. What is still open was seen on the last date, the rest on the
-- one before it closed.
stretches as (

    select
        watches.account_id,
        watches.rule,
        turns.watch,
        turns.date_index as opened_index,
        turns.next_index as closed_index,
        coalesce(turns.next_index - 1, watches.last_index) as last_seen_index
    from turns
    inner join watches
        on turns.watch = watches.watch
    where turns.is_on

),

extremes as (

    select
        stretches.watch,
        stretches.opened_index,
        max(
            case when stretches.opened_index = states.date_index then states.watched_value end
        ) as value_at_opening,
        max(states.watched_value) as highest_value,
        min(states.watched_value) as lowest_value
    from stretches
    inner join states
        on
            stretches.watch = states.watch
            and stretches.opened_index <= states.date_index
            and stretches.last_seen_index >= states.date_index
    group by stretches.watch, stretches.opened_index

)

select
    'stretch' as record,
    stretches.account_id,
    stretches.rule,
    stretches.opened_index = 0 as is_continued,
    cast(null as date) as seen_through,
    cast(null as date) as evaluated_through,
    opening_dates.score_date as opened_on,
    closing_dates.score_date as closed_on,
    last_seen_dates.score_date as last_seen_on,
    scores.segment,
    scores.health_score as score_at_opening,
    extremes.value_at_opening,
    extremes.highest_value,
    extremes.lowest_value
from stretches
inner join extremes
    on
        stretches.watch = extremes.watch
        and stretches.opened_index = extremes.opened_index
left join evaluated_dates as opening_dates
    on
        stretches.rule = opening_dates.rule
        and stretches.opened_index = opening_dates.date_index
left join evaluated_dates as closing_dates
    on
        stretches.rule = closing_dates.rule
        and stretches.closed_index = closing_dates.date_index
left join evaluated_dates as last_seen_dates
    on
        stretches.rule = last_seen_dates.rule
        and stretches.last_seen_index = last_seen_dates.date_index
left join scores
    on
        stretches.account_id = scores.account_id
        and opening_dates.score_date = scores.score_date

union all

select
    'rule' as record,
    null as account_id,
    last_dates.rule,
    null as is_continued,
    seen.evaluated_through as seen_through,
    last_dates.last_date as evaluated_through,
    null as opened_on,
    null as closed_on,
    null as last_seen_on,
    null as segment,
    null as score_at_opening,
    null as value_at_opening,
    null as highest_value,
    null as lowest_value
from last_dates
left join seen
    on last_dates.rule = seen.rule
