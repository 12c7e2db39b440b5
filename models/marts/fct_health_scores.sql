{{ config(pre_hook="{{ forget_scores_to_compute() }}") }}
-- depends_on: {{ ref('scores_to_compute') }}

-- One row per account, score date and scorecard: the score, how far it can be trusted, its grade.
with

drivers as (

    select drivers.*
    from {{ ref('fct_health_drivers') }} as drivers
    {% if is_incremental() %}
        inner join {{ ref('scores_to_compute') }} as to_compute
            on
                drivers.account_id = to_compute.account_id
                and drivers.score_date = to_compute.score_date
                and drivers.scorecard = to_compute.scorecard
    {% endif %}

),

scorecards as (

    select * from {{ ref('scorecards') }}

),

grades as (

    select
        *,
        lead(min_score) over (order by min_score nulls last) as next_min_score
    from {{ ref('grades') }}

),

-- Caps and overrides are for retention: whether an account is ready for more is not decided by
-- hand.
score_limits as (

    select
        *,
        'retention' as goal
    from {{ ref('score_limits') }}

),

scoring_version as (

    select * from {{ ref('scoring_version') }}

),

-- In whole numbers, as which they divide fast and exactly: weights in millionths, scores in
-- ten-thousandths.
whole_numbers as (

    select
        *,
        {{ whole('weight', 6) }} as whole_weight,
        {{ whole('coalesce(metric_score, 0)', 4) }} as whole_score
    from drivers

),

-- A row without a metric score is left out: its weight is shared among the rest.
counted as (

    select
        *,
        case when metric_score is null then 0 else whole_weight end as scored_weight,
        whole_weight * whole_score as points
    from whole_numbers

),

totals as (

    select
        account_id,
        score_date,
        scorecard,
        segment,
        {% for component in components() %}
            cast(sum(
                case when component = '{{ component }}' then scored_weight end
            ) as bigint) as {{ component }}_weight,
            cast(sum(
                case when component = '{{ component }}' then points end
            ) as bigint) as {{ component }}_points,
        {% endfor %}
        cast(sum(whole_weight) as bigint) as weight,
        cast(sum(scored_weight) as bigint) as scored_weight,
        cast(sum(points) as bigint) as points,
        cast(sum(case when is_missing then 0 else whole_weight end) as bigint) as known_weight,
        cast(sum(case when is_missing then 0 else points end) as bigint) as known_points
    from counted
    group by account_id, score_date, scorecard, segment

),

computed as (

    select
        totals.*,
        scorecards.goal,
        case
            when totals.known_weight >= 100000000 * scorecards.min_coverage
                then {{ divide_int('points', 'scored_weight', 2, -4) }}
        end as computed_score,
        {% for component in components() %}
            {{ divide_int(component ~ '_points', component ~ '_weight', 2, -4) }}
                as {{ component }}_score,
        {% endfor %}
        {{ divide_int('known_weight', '100000000', 6) }} as coverage,
        {{ divide_int('known_points', 'weight', 2, -4) }} as score_low,
        {{ divide_int(
            'known_points + 1000000 * (weight - known_weight)', 'weight', 2, -4
        ) }} as score_high
    from totals
    inner join scorecards
        on totals.scorecard = scorecards.scorecard

),

-- Without a computed score there is nothing to cap; an override stands all the same.
limited as (

    select
        computed.*,
        case when computed.computed_score > score_limits.max_score then score_limits.cap end as cap,
        case
            when computed.computed_score > score_limits.max_score then score_limits.max_score
            else computed.computed_score
        end as capped_score,
        score_limits.override_id,
        score_limits.override_score
    from computed
    left join score_limits
        on
            computed.account_id = score_limits.account_id
            and computed.score_date = score_limits.score_date
            and computed.goal = score_limits.goal

),

judged as (

    select
        *,
        coalesce(override_score, capped_score) as health_score
    from limited

)

select
    judged.account_id,
    judged.score_date,
    judged.scorecard,
    judged.goal,
    judged.segment,
    cast(judged.computed_score as decimal(5, 2)) as computed_score,
    cast(judged.capped_score as decimal(5, 2)) as capped_score,
    cast(judged.health_score as decimal(5, 2)) as health_score,
    grades.grade,
    cast(judged.coverage as decimal(9, 6)) as coverage,
    cast(judged.score_low as decimal(5, 2)) as score_low,
    cast(judged.score_high as decimal(5, 2)) as score_high,
    judged.cap,
    judged.override_id,
    {% for component in components() %}
        cast(judged.{{ component }}_score as decimal(5, 2)) as {{ component }}_score,
    {% endfor %}
    scoring_version.scoring_version
from judged
cross join scoring_version
left join grades
    on
        (judged.health_score is null and grades.min_score is null)
        or (
            judged.health_score >= grades.min_score
            and (grades.next_min_score is null or judged.health_score < grades.next_min_score)
        )
