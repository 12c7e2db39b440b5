-- One row per alert episode, shown or held back by a storm, and one per rule with the last date
-- that was evaluated: the memory of the alerts. The table reads its own previous content, so that
-- each date is evaluated once per rule and what was reported stays as it was; a full refresh keeps
-- it.
{% set of_rule = ['kind', 'severity', 'description', 'level', 'window_days', 'unit'] -%}
{% set at_opening = [
    'segment', 'score_at_opening', 'value_at_opening', 'driver_1', 'driver_2', 'driver_3'
] -%}
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

previous_episodes as (

    select * from memory
    where record = 'episode'

),

all_rules as (

    select
        *,
        kind = 'recovers_above' as is_good_news,
        case
            when kind in ('coverage_lost', 'storm') then 'share'
            else 'points'
        end as unit
    from {{ ref('alert_rules') }}

),

rules as (

    select * from all_rules
    where kind <> 'storm'

),

storm_rule as (

    select * from all_rules
    where kind = 'storm'

),

as_of as (

    select max(as_of_date) as as_of_date
    from {{ ref('score_dates') }}

),

scores as (

    select
        scores.account_id,
        scores.score_date
    from {{ ref('fct_health_scores') }} as scores
    inner join {{ ref('scorecards') }} as scorecards
        on scores.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'

),

-- What was evaluated in an earlier run is not taken for new.
evaluated_rules as (

    select
        evaluated.rule,
        evaluated.evaluated_through
    from {{ ref('alert_stretches') }} as evaluated
    left join seen
        on evaluated.rule = seen.rule
    where
        evaluated.record = 'rule'
        and (
            evaluated.seen_through = seen.evaluated_through
            or (evaluated.seen_through is null and seen.evaluated_through is null)
        )

),

seen_and_evaluated as (

    select * from seen

    union all

    select * from evaluated_rules

),

remembered_rules as (

    select
        rule,
        max(evaluated_through) as evaluated_through
    from seen_and_evaluated
    group by rule

),

remembered as (

    select max(evaluated_through) as evaluated_through
    from remembered_rules

),

found_stretches as (

    select stretches.*
    from {{ ref('alert_stretches') }} as stretches
    inner join evaluated_rules
        on stretches.rule = evaluated_rules.rule
    where stretches.record = 'stretch'

),

-- Rules are compared with the change over the span next to their window. From the table itself, of
-- which an engine knows that it is far smaller than the changes.
openings as (

    select
        stretches.account_id,
        stretches.rule,
        stretches.opened_on,
        rules.is_good_news,
        case
            when rules.window_days < 28 then 7
            when rules.window_days < 90 then 28
            else 90
        end as days_back
    from {{ ref('alert_stretches') }} as stretches
    inner join all_rules as rules
        on stretches.rule = rules.rule
    where
        stretches.record = 'stretch'
        and not stretches.is_continued

),

changes as (

    select * from {{ ref('fct_score_changes') }}
    where cause <> 'unchanged'

),

moves as (

    select
        openings.account_id,
        openings.rule,
        openings.opened_on,
        coalesce(changes.metric, changes.cause) as driver,
        sum(
            case when openings.is_good_news then changes.points else -changes.points end
        ) as points
    from openings
    inner join changes
        on
            openings.account_id = changes.account_id
            and openings.opened_on = changes.score_date
            and openings.days_back = changes.days_back
    group by
        openings.account_id,
        openings.rule,
        openings.opened_on,
        coalesce(changes.metric, changes.cause)

),

ranked_moves as (

    select
        *,
        row_number() over (
            partition by account_id, rule, opened_on
            order by points desc, driver asc
        ) as move_rank
    from moves
    where points > 0

),

drivers as (

    select
        account_id,
        rule,
        opened_on,
        max(case when move_rank = 1 then driver end) as driver_1,
        max(case when move_rank = 2 then driver end) as driver_2,
        max(case when move_rank = 3 then driver end) as driver_3
    from ranked_moves
    group by account_id, rule, opened_on

),

stretches as (

    select
        found_stretches.*,
        drivers.driver_1,
        drivers.driver_2,
        drivers.driver_3
    from found_stretches
    left join drivers
        on
            found_stretches.account_id = drivers.account_id
            and found_stretches.rule = drivers.rule
            and found_stretches.opened_on = drivers.opened_on

),

-- Bad and good news are counted apart: a feed that comes back is as much a storm as one that broke.
openings_per_date as (

    select
        stretches.opened_on,
        rules.is_good_news,
        count(distinct stretches.account_id) as account_count
    from stretches
    inner join rules
        on stretches.rule = rules.rule
    where not stretches.is_continued
    group by stretches.opened_on, rules.is_good_news

),

scored_per_date as (

    select
        score_date,
        count(*) as account_count
    from scores
    group by score_date

),

mass_openings as (

    select
        openings_per_date.opened_on,
        openings_per_date.is_good_news,
        {{ divide_exact('openings_per_date.account_count', 'scored_per_date.account_count', 6) }}
            as account_share
    from openings_per_date
    inner join scored_per_date
        on openings_per_date.opened_on = scored_per_date.score_date
    cross join storm_rule
    where
        openings_per_date.account_count > 1
        and openings_per_date.account_count > storm_rule.level * scored_per_date.account_count

),

opening_shares as (

    select
        opened_on,
        max(account_share) as account_share
    from mass_openings
    group by opened_on

),

storm_marks as (

    select
        previous_episodes.opened_on as marked_on,
        previous_episodes.last_seen_on as marked_through,
        previous_episodes.opened_on as previous_opened_on,
        previous_episodes.closed_on,
        previous_episodes.worst_value as account_share
    from previous_episodes
    inner join storm_rule
        on previous_episodes.rule = storm_rule.rule

    union all

    select
        opened_on as marked_on,
        opened_on as marked_through,
        null as previous_opened_on,
        null as closed_on,
        account_share
    from opening_shares

),

storm_marks_in_order as (

    select
        *,
        max(marked_through) over (
            order by marked_on asc, marked_through desc
            rows between unbounded preceding and 1 preceding
        ) as marked_through_before
    from storm_marks

),

numbered_storm_marks as (

    select
        storm_marks_in_order.*,
        sum(
            case
                when
                    {{ day_number('marked_on') }} - {{ day_number('marked_through_before') }}
                    <= storm_rule.window_days
                    then 0
                else 1
            end
        ) over (
            order by
                storm_marks_in_order.marked_on asc, storm_marks_in_order.marked_through desc
            rows between unbounded preceding and current row
        ) as storm_number
    from storm_marks_in_order
    cross join storm_rule

),

storms as (

    select
        storm_number,
        coalesce(min(previous_opened_on), min(marked_on)) as opened_on,
        max(marked_through) as last_seen_on,
        max(account_share) as account_share,
        case when count(*) = count(closed_on) then max(closed_on) end as previous_closed_on
    from numbered_storm_marks
    group by storm_number

),

named_storms as (

    select
        storms.*,
        storm_rule.rule,
        storm_rule.window_days,
        {{ dbt.hash(row_text('storm', ['storms.opened_on', 'storm_rule.rule'])) }} as alert_id
    from storms
    cross join storm_rule

),

storm_dates as (

    select
        mass_openings.opened_on,
        mass_openings.is_good_news,
        named_storms.alert_id as storm_id
    from mass_openings
    inner join numbered_storm_marks
        on
            mass_openings.opened_on = numbered_storm_marks.marked_on
            and numbered_storm_marks.previous_opened_on is null
    inner join named_storms
        on numbered_storm_marks.storm_number = named_storms.storm_number

),

continued as (

    select * from stretches
    where is_continued

),

numbered_previous_episodes as (

    select
        *,
        row_number() over (
            partition by account_id, rule
            order by opened_on desc
        ) as newest_rank
    from previous_episodes
    where account_id is not null

),

-- The new stretches of an account and rule, behind its last episode.
chain as (

    select
        previous.account_id,
        previous.rule,
        previous.alert_id,
        previous.storm_id,
        previous.opened_on,
        coalesce(previous.closed_on, continued.closed_on) as closed_on,
        continued.last_seen_on,
        {% for column in at_opening %}
            continued.{{ column }},
        {% endfor %}
        continued.highest_value,
        continued.lowest_value,
        previous.closed_on is null as is_moving
    from numbered_previous_episodes as previous
    inner join rules
        on previous.rule = rules.rule
    left join continued
        on
            previous.account_id = continued.account_id
            and previous.rule = continued.rule
    where previous.newest_rank = 1

    union all

    select
        stretches.account_id,
        stretches.rule,
        null as alert_id,
        storm_dates.storm_id,
        stretches.opened_on,
        stretches.closed_on,
        stretches.last_seen_on,
        {% for column in at_opening %}
            stretches.{{ column }},
        {% endfor %}
        stretches.highest_value,
        stretches.lowest_value,
        true as is_moving
    from stretches
    inner join rules
        on stretches.rule = rules.rule
    left join storm_dates
        on
            stretches.opened_on = storm_dates.opened_on
            and rules.is_good_news = storm_dates.is_good_news
    where not stretches.is_continued

),

chain_in_order as (

    select
        *,
        lag(closed_on) over (partition by account_id, rule order by opened_on) as closed_before
    from chain

),

-- Within the cooldown of the one before, a stretch belongs with it.
with_cooldown as (

    select
        chain_in_order.*,
        coalesce(
            {{ day_number('chain_in_order.opened_on') }}
            - {{ day_number('chain_in_order.closed_before') }} < rules.cooldown_days,
            false
        ) as is_within_cooldown
    from chain_in_order
    inner join rules
        on chain_in_order.rule = rules.rule

),

in_groups as (

    select
        *,
        sum(case when is_within_cooldown then 0 else 1 end) over (
            partition by account_id, rule
            order by opened_on
            rows between unbounded preceding and current row
        ) as group_number
    from with_cooldown

),

-- What opened on the date of a storm is held back, unless an alert that people know of reopens.
with_shown as (

    select
        *,
        max(case when storm_id is null then 1 else 0 end) over (
            partition by account_id, rule, group_number
            order by opened_on
            rows between unbounded preceding and current row
        ) = 1 as is_shown
    from in_groups

),

with_starts as (

    select
        *,
        case
            when not is_within_cooldown or not is_shown then 1
            when not lag(is_shown) over (partition by account_id, rule order by opened_on) then 1
            else 0
        end as is_start
    from with_shown

),

parts as (

    select
        *,
        sum(is_start) over (
            partition by account_id, rule
            order by opened_on
            rows between unbounded preceding and current row
        ) as episode_number
    from with_starts

),

moving_episodes as (

    select
        account_id,
        rule,
        max(alert_id) as previous_alert_id,
        max(case when not is_shown then storm_id end) as storm_id,
        min(opened_on) as opened_on,
        case when count(*) = count(closed_on) then max(closed_on) end as closed_on,
        max(last_seen_on) as last_seen_on,
        {% for column in at_opening %}
            max(case when is_start = 1 then {{ column }} end) as {{ column }},
        {% endfor %}
        max(highest_value) as highest_value,
        min(lowest_value) as lowest_value
    from parts
    group by account_id, rule, episode_number
    having max(case when is_moving then 1 else 0 end) = 1

),

-- What was true when an episode opened is taken from the memory where it is there.
told_episodes as (

    select
        coalesce(
            previous.alert_id,
            {{ dbt.hash(row_text('alert', [
                'episodes.opened_on', 'length(episodes.rule)', 'episodes.rule',
                'episodes.account_id',
            ])) }}
        ) as alert_id,
        episodes.account_id,
        episodes.rule,
        episodes.storm_id,
        {% for column in of_rule %}
            case
                when previous.alert_id is null then rules.{{ column }}
                else previous.{{ column }}
            end as {{ column }},
        {% endfor %}
        {% for column in at_opening %}
            case
                when previous.alert_id is null then episodes.{{ column }}
                else previous.{{ column }}
            end as {{ column }},
        {% endfor %}
        episodes.opened_on,
        coalesce(episodes.last_seen_on, previous.last_seen_on) as last_seen_on,
        episodes.closed_on,
        case
            when coalesce(previous.kind, rules.kind) in ('drops_by', 'recovers_above')
                then
                    greatest(
                        coalesce(episodes.highest_value, previous.worst_value),
                        coalesce(previous.worst_value, episodes.highest_value)
                    )
            else
                least(
                    coalesce(episodes.lowest_value, previous.worst_value),
                    coalesce(previous.worst_value, episodes.lowest_value)
                )
        end as worst_value,
        case
            when episodes.last_seen_on is null then previous.arr
            else 12 * account_dates.mrr
        end as arr
    from moving_episodes as episodes
    inner join rules
        on episodes.rule = rules.rule
    left join previous_episodes as previous
        on episodes.previous_alert_id = previous.alert_id
    left join {{ ref('account_dates') }} as account_dates
        on
            episodes.account_id = account_dates.account_id
            and episodes.last_seen_on = account_dates.score_date

),

-- Everything else stays as it was; a rule that is gone leaves nothing open.
resting_episodes as (

    select
        previous.alert_id,
        previous.account_id,
        previous.rule,
        previous.storm_id,
        {% for column in of_rule + at_opening %}
            previous.{{ column }},
        {% endfor %}
        previous.opened_on,
        previous.last_seen_on,
        case
            when previous.closed_on is null and all_rules.rule is null
                then greatest(as_of.as_of_date, previous.last_seen_on)
            else previous.closed_on
        end as closed_on,
        previous.worst_value,
        previous.arr
    from previous_episodes as previous
    cross join as_of
    left join all_rules
        on previous.rule = all_rules.rule
    left join told_episodes
        on previous.alert_id = told_episodes.alert_id
    where told_episodes.alert_id is null

),

account_episodes as (

    select * from told_episodes

    union all

    select * from resting_episodes
    where account_id is not null

),

held_back_accounts as (

    select
        storm_id,
        account_id,
        max(arr) as arr
    from account_episodes
    where storm_id is not null
    group by storm_id, account_id

),

held_back as (

    select
        storm_id,
        count(*) as account_count,
        sum(arr) as arr
    from held_back_accounts
    group by storm_id

),

evaluated_dates as (

    select score_dates.score_date
    from {{ ref('score_dates') }} as score_dates
    cross join remembered
    where score_dates.score_date <= remembered.evaluated_through

),

-- A storm is over on the first date that is further from its last mass opening than its window.
storm_ends as (

    select
        named_storms.alert_id,
        min(
            case
                when
                    {{ day_number('evaluated_dates.score_date') }}
                    - {{ day_number('named_storms.last_seen_on') }} > named_storms.window_days
                    then evaluated_dates.score_date
            end
        ) as closed_on
    from named_storms
    cross join evaluated_dates
    group by named_storms.alert_id

),

storm_episodes as (

    select
        named_storms.alert_id,
        cast(null as {{ dbt.type_string() }}) as account_id,
        named_storms.rule,
        {% for column in of_rule %}
            case
                when previous.alert_id is null then storm_rule.{{ column }}
                else previous.{{ column }}
            end as {{ column }},
        {% endfor %}
        named_storms.opened_on,
        named_storms.last_seen_on,
        coalesce(named_storms.previous_closed_on, storm_ends.closed_on) as closed_on,
        coalesce(previous.value_at_opening, opening_shares.account_share) as value_at_opening,
        named_storms.account_share as worst_value
    from named_storms
    cross join storm_rule
    left join previous_episodes as previous
        on named_storms.alert_id = previous.alert_id
    left join storm_ends
        on named_storms.alert_id = storm_ends.alert_id
    left join opening_shares
        on named_storms.opened_on = opening_shares.opened_on

),

all_storms as (

    select * from storm_episodes

    union all

    select
        resting.alert_id,
        resting.account_id,
        resting.rule,
        {% for column in of_rule %}
            resting.{{ column }},
        {% endfor %}
        resting.opened_on,
        resting.last_seen_on,
        resting.closed_on,
        resting.value_at_opening,
        resting.worst_value
    from resting_episodes as resting
    left join storm_episodes
        on resting.alert_id = storm_episodes.alert_id
    where
        resting.account_id is null
        and storm_episodes.alert_id is null

),

all_records as (

    select
        'episode' as record,
        alert_id,
        account_id,
        rule,
        cast(null as date) as evaluated_through,
        storm_id,
        kind,
        severity,
        description,
        level,
        window_days,
        segment,
        opened_on,
        last_seen_on,
        closed_on,
        score_at_opening,
        value_at_opening,
        worst_value,
        unit,
        arr,
        1 as account_count,
        driver_1,
        driver_2,
        driver_3
    from account_episodes

    union all

    select
        'episode' as record,
        storms.alert_id,
        storms.account_id,
        storms.rule,
        null as evaluated_through,
        null as storm_id,
        storms.kind,
        storms.severity,
        storms.description,
        storms.level,
        storms.window_days,
        null as segment,
        storms.opened_on,
        storms.last_seen_on,
        storms.closed_on,
        null as score_at_opening,
        storms.value_at_opening,
        storms.worst_value,
        storms.unit,
        held_back.arr,
        coalesce(held_back.account_count, 0) as account_count,
        null as driver_1,
        null as driver_2,
        null as driver_3
    from all_storms as storms
    left join held_back
        on storms.alert_id = held_back.storm_id

    union all

    select
        'rule' as record,
        null as alert_id,
        null as account_id,
        rule,
        evaluated_through,
        null as storm_id,
        null as kind,
        null as severity,
        null as description,
        null as level,
        null as window_days,
        null as segment,
        null as opened_on,
        null as last_seen_on,
        null as closed_on,
        null as score_at_opening,
        null as value_at_opening,
        null as worst_value,
        null as unit,
        null as arr,
        null as account_count,
        null as driver_1,
        null as driver_2,
        null as driver_3
    from remembered_rules

)

select
    record,
    alert_id,
    account_id,
    rule,
    evaluated_through,
    storm_id,
    kind,
    severity,
    description,
    cast(level as decimal(9, 6)) as level,
    window_days,
    segment,
    opened_on,
    last_seen_on,
    closed_on,
    cast(score_at_opening as decimal(5, 2)) as score_at_opening,
    cast(value_at_opening as decimal(9, 6)) as value_at_opening,
    cast(worst_value as decimal(9, 6)) as worst_value,
    unit,
    cast(arr as decimal(28, 6)) as arr,
    cast(account_count as bigint) as accounts,
    driver_1,
    driver_2,
    driver_3
from all_records
