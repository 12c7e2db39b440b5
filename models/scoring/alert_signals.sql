-- One row per account, alert rule and evaluated score date on which the account has a score row of
-- the live retention scorecard and is in the rule's segment: whether the condition that opens an
-- alert holds, and the one that closes it. Both from kept scores only. Evaluated are the dates
-- later than what the memory of the alerts has seen of the rule, and always the as-of date.
with

rules as (

    select * from {{ ref('alert_rules') }}
    where kind <> 'storm'

),

score_dates as (

    select
        score_date,
        as_of_date,
        day_number
    from {{ ref('score_dates') }}

),

scores as (

    select
        scores.account_id,
        scores.score_date,
        scores.segment,
        scores.health_score,
        scores.coverage,
        score_dates.day_number
    from {{ ref('fct_health_scores') }} as scores
    inner join {{ ref('scorecards') }} as scorecards
        on scores.scorecard = scorecards.scorecard
    inner join score_dates
        on scores.score_date = score_dates.score_date
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'

),

seen as (

    select
        rule,
        evaluated_through
    from (
        {{ alert_memory() }}
    ) as memory
    where record = 'rule'

),

evaluated_dates as (

    select
        rules.rule,
        rules.kind,
        rules.window_days,
        score_dates.score_date,
        score_dates.day_number
    from rules
    cross join score_dates
    left join seen
        on rules.rule = seen.rule
    where
        seen.evaluated_through is null
        or score_dates.score_date > seen.evaluated_through
        or score_dates.score_date = score_dates.as_of_date

),

-- The score dates that an evaluated date looks at, itself included. A fall looks at one only: the
-- newest at least so many days before, at most 6 days older.
looked_at_dates as (

    select
        evaluated_dates.rule,
        score_dates.score_date,
        max(
            case when evaluated_dates.score_date = score_dates.score_date then 1 else 0 end
        ) = 1 as is_evaluated
    from evaluated_dates
    inner join score_dates
        on
            evaluated_dates.day_number >= score_dates.day_number
            and evaluated_dates.day_number - case
                when evaluated_dates.kind in ('drops_by', 'renewal_at_risk') then 0
                else evaluated_dates.window_days
            end <= score_dates.day_number
    group by evaluated_dates.rule, score_dates.score_date

),

earlier_dates as (

    select
        evaluated_dates.rule,
        evaluated_dates.score_date,
        max(score_dates.score_date) as earlier_date
    from evaluated_dates
    inner join score_dates
        on
            evaluated_dates.day_number - evaluated_dates.window_days >= score_dates.day_number
            and evaluated_dates.day_number - evaluated_dates.window_days - 6
            <= score_dates.day_number
    where evaluated_dates.kind = 'drops_by'
    group by evaluated_dates.rule, evaluated_dates.score_date

),

-- The first week of the window that a low score has to span.
first_week_dates as (

    select
        evaluated_dates.rule,
        evaluated_dates.score_date,
        score_dates.score_date as early_date
    from evaluated_dates
    inner join score_dates
        on
            evaluated_dates.day_number >= score_dates.day_number
            and evaluated_dates.day_number - evaluated_dates.window_days <= score_dates.day_number
            and evaluated_dates.day_number - evaluated_dates.window_days + 6
            >= score_dates.day_number
    where evaluated_dates.kind = 'stays_below'

),

known_in_first_week as (

    select distinct
        first_week_dates.rule,
        first_week_dates.score_date,
        scores.account_id
    from first_week_dates
    inner join scores
        on first_week_dates.early_date = scores.score_date
    where scores.health_score is not null

),

earlier_scores as (

    select
        earlier_dates.rule,
        earlier_dates.score_date,
        scores.account_id,
        scores.health_score
    from earlier_dates
    inner join scores
        on earlier_dates.earlier_date = scores.score_date

),

-- What the rule compares with its level, and the last day before on which that was known and on the
-- other side of it.
watched as (

    select
        looked_at_dates.rule,
        looked_at_dates.is_evaluated,
        scores.account_id,
        scores.score_date,
        scores.day_number,
        scores.segment,
        scores.health_score,
        case when rules.kind = 'coverage_lost' then scores.coverage else scores.health_score end
            as watched_value,
        max(
            case
                when rules.kind = 'coverage_lost' and scores.coverage < rules.level then null
                when rules.kind = 'coverage_lost' then scores.day_number
                when (rules.kind = 'recovers_above') = (scores.health_score < rules.level)
                    then scores.day_number
            end
        ) over (
            partition by looked_at_dates.rule, scores.account_id
            order by scores.day_number
            rows between unbounded preceding and 1 preceding
        ) as other_side_day_number
    from looked_at_dates
    inner join rules
        on looked_at_dates.rule = rules.rule
    inner join scores
        on looked_at_dates.score_date = scores.score_date

),

evaluated as (

    select
        watched.account_id,
        watched.score_date,
        watched.rule,
        watched.health_score,
        watched.watched_value,
        rules.kind,
        rules.level,
        rules.reopen_margin,
        coalesce(
            watched.other_side_day_number >= watched.day_number - rules.window_days, false
        ) as was_on_other_side,
        known_in_first_week.account_id is not null as is_known_in_first_week,
        coalesce(
            {{ day_number('account_dates.renewal_date') }} - watched.day_number
            between 0 and rules.window_days,
            false
        ) as is_renewal_near,
        earlier_scores.health_score - watched.health_score as drop_in_points
    from watched
    inner join rules
        on watched.rule = rules.rule
    inner join {{ ref('account_dates') }} as account_dates
        on
            watched.account_id = account_dates.account_id
            and watched.score_date = account_dates.score_date
    left join earlier_scores
        on
            watched.rule = earlier_scores.rule
            and watched.account_id = earlier_scores.account_id
            and watched.score_date = earlier_scores.score_date
    left join known_in_first_week
        on
            watched.rule = known_in_first_week.rule
            and watched.account_id = known_in_first_week.account_id
            and watched.score_date = known_in_first_week.score_date
    where
        watched.is_evaluated
        and rules.segment in (watched.segment, '*')

)

select
    account_id,
    score_date,
    rule,
    coalesce(case kind
        when 'crosses_below' then watched_value < level and was_on_other_side
        when 'coverage_lost' then watched_value < level and was_on_other_side
        when 'recovers_above' then watched_value >= level and was_on_other_side
        when 'stays_below'
            then watched_value < level and not was_on_other_side and is_known_in_first_week
        when 'drops_by' then drop_in_points >= level
        when 'renewal_at_risk' then watched_value < level and is_renewal_near
    end, false) as is_triggered,
    coalesce(case kind
        when 'recovers_above' then watched_value < level - reopen_margin
        when 'drops_by'
            then
                health_score is not null
                and coalesce(drop_in_points < level - reopen_margin, true)
        when 'renewal_at_risk' then watched_value >= level + reopen_margin or not is_renewal_near
        else watched_value >= level + reopen_margin
    end, false) as is_recovered,
    cast(
        case when kind = 'drops_by' then drop_in_points else watched_value end as decimal(9, 6)
    ) as value
from evaluated
