-- One row per account, alert rule and evaluated score date on which the account has a score row of
-- the live retention scorecard and is in the rule's segment: whether the condition that opens an
-- alert holds, and the one that closes it. Both from kept scores only. Evaluated are the dates
-- later than what the memory of the alerts has seen of the rule, and always the as-of date.
with

-- A threshold is a level of the score, or one of coverage: rules share it.
rules as (

    select
        *,
        dense_rank() over (
            order by case when kind = 'coverage_lost' then 1 else 0 end, level
        ) as threshold
    from {{ ref('alert_rules') }}
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
        rules.level,
        rules.window_days,
        rules.segment,
        rules.reopen_margin,
        rules.threshold,
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

-- The score dates that are looked at from an evaluated date, itself included.
looked_at_dates as (

    select
        evaluated_dates.threshold,
        evaluated_dates.level,
        evaluated_dates.kind = 'coverage_lost' as is_of_coverage,
        score_dates.score_date
    from evaluated_dates
    inner join score_dates
        on
            evaluated_dates.day_number >= score_dates.day_number
            and evaluated_dates.day_number - evaluated_dates.window_days <= score_dates.day_number
    where evaluated_dates.kind not in ('drops_by', 'renewal_at_risk')
    group by
        evaluated_dates.threshold,
        evaluated_dates.level,
        evaluated_dates.kind = 'coverage_lost',
        score_dates.score_date

),

watched as (

    select
        looked_at_dates.threshold,
        looked_at_dates.level,
        scores.account_id,
        scores.score_date,
        scores.day_number,
        scores.segment,
        case
            when looked_at_dates.is_of_coverage then scores.coverage
            else scores.health_score
        end as watched_value
    from looked_at_dates
    inner join scores
        on looked_at_dates.score_date = scores.score_date

),

-- The last days before on which the value was known and below the threshold, or not below it.
sides as (

    select
        *,
        max(case when watched_value < level then day_number end) over (
            partition by threshold, account_id
            order by day_number
            rows between unbounded preceding and 1 preceding
        ) as below_day_number,
        max(case when watched_value >= level then day_number end) over (
            partition by threshold, account_id
            order by day_number
            rows between unbounded preceding and 1 preceding
        ) as above_day_number
    from watched

),

evaluated as (

    select
        sides.account_id,
        sides.score_date,
        sides.watched_value,
        evaluated_dates.rule,
        evaluated_dates.kind,
        evaluated_dates.level,
        evaluated_dates.reopen_margin,
        coalesce(
            case
                when evaluated_dates.kind = 'recovers_above' then sides.below_day_number
                else sides.above_day_number
            end >= sides.day_number - evaluated_dates.window_days,
            false
        ) as was_on_other_side
    from sides
    inner join evaluated_dates
        on
            sides.threshold = evaluated_dates.threshold
            and sides.score_date = evaluated_dates.score_date
    where
        evaluated_dates.kind not in ('drops_by', 'renewal_at_risk')
        and evaluated_dates.segment in (sides.segment, '*')

),

crossings as (

    select
        account_id,
        score_date,
        rule,
        watched_value,
        case
            when kind = 'recovers_above' then watched_value >= level
            else watched_value < level
        end and was_on_other_side as is_triggered,
        case
            when kind = 'recovers_above' then watched_value < level - reopen_margin
            else watched_value >= level + reopen_margin
        end as is_recovered
    from evaluated
    where kind <> 'stays_below'

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

long_lows as (

    select
        evaluated.account_id,
        evaluated.score_date,
        evaluated.rule,
        evaluated.watched_value,
        evaluated.watched_value < evaluated.level
        and not evaluated.was_on_other_side
        and known_in_first_week.account_id is not null as is_triggered,
        evaluated.watched_value >= evaluated.level + evaluated.reopen_margin as is_recovered
    from evaluated
    left join known_in_first_week
        on
            evaluated.rule = known_in_first_week.rule
            and evaluated.account_id = known_in_first_week.account_id
            and evaluated.score_date = known_in_first_week.score_date
    where evaluated.kind = 'stays_below'

),

-- A fall is measured from the newest date at least so many days before, at most 6 days older.
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

-- Falls and renewals look at the date itself.
scores_of_dates as (

    select
        scores.account_id,
        scores.score_date,
        scores.day_number,
        scores.health_score,
        evaluated_dates.rule,
        evaluated_dates.kind,
        evaluated_dates.level,
        evaluated_dates.window_days,
        evaluated_dates.reopen_margin
    from evaluated_dates
    inner join scores
        on evaluated_dates.score_date = scores.score_date
    where
        evaluated_dates.kind in ('drops_by', 'renewal_at_risk')
        and evaluated_dates.segment in (scores.segment, '*')

),

compared as (

    select
        scores.*,
        earlier_dates.earlier_date
    from scores_of_dates as scores
    left join earlier_dates
        on
            scores.rule = earlier_dates.rule
            and scores.score_date = earlier_dates.score_date
    where scores.kind = 'drops_by'

),

falls as (

    select
        compared.account_id,
        compared.score_date,
        compared.rule,
        compared.level,
        compared.reopen_margin,
        compared.health_score,
        earlier.health_score - compared.health_score as drop_in_points
    from compared
    left join scores as earlier
        on
            compared.account_id = earlier.account_id
            and compared.earlier_date = earlier.score_date

),

renewals as (

    select
        scores.account_id,
        scores.score_date,
        scores.health_score,
        scores.rule,
        scores.level,
        scores.reopen_margin,
        coalesce(
            {{ day_number('account_dates.renewal_date') }} - scores.day_number
            between 0 and scores.window_days,
            false
        ) as is_renewal_near
    from scores_of_dates as scores
    inner join {{ ref('account_dates') }} as account_dates
        on
            scores.account_id = account_dates.account_id
            and scores.score_date = account_dates.score_date
    where scores.kind = 'renewal_at_risk'

),

signals as (

    select
        account_id,
        score_date,
        rule,
        is_triggered,
        is_recovered,
        watched_value
    from crossings

    union all

    select
        account_id,
        score_date,
        rule,
        is_triggered,
        is_recovered,
        watched_value
    from long_lows

    union all

    select
        account_id,
        score_date,
        rule,
        drop_in_points >= level as is_triggered,
        health_score is not null
        and coalesce(drop_in_points < level - reopen_margin, true) as is_recovered,
        drop_in_points as watched_value
    from falls

    union all

    select
        account_id,
        score_date,
        rule,
        health_score < level and is_renewal_near as is_triggered,
        health_score >= level + reopen_margin or not is_renewal_near as is_recovered,
        health_score as watched_value
    from renewals

)

select
    account_id,
    score_date,
    rule,
    coalesce(is_triggered, false) as is_triggered,
    coalesce(is_recovered, false) as is_recovered,
    cast(watched_value as decimal(9, 6)) as value
from signals
