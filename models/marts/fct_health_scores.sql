{{ config(pre_hook="{{ delete_stale_scores() }}") }}
-- depends_on: {{ ref('stale_scores') }}

-- One row per account, score date and scorecard: the score, how far it can be trusted, its grade.
with

metric_scores as (

    select metric_scores.*
    from {{ ref('metric_scores') }} as metric_scores
    {% if is_incremental() %}
        inner join {{ ref('stale_scores') }} as to_compute
            on
                metric_scores.account_id = to_compute.account_id
                and metric_scores.score_date = to_compute.score_date
                and metric_scores.scorecard = to_compute.scorecard
    {% endif %}

),

components as (

    select
        {% for name in metric_names() %}
            max(case when metric = '{{ name }}' then component end) as {{ name }},
        {% endfor %}
        count(*) as metrics
    from {{ ref('metrics') }}

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
-- ten-thousandths. A row without a metric score is left out: its weight is shared among the rest.
counted as (

    select
        *,
        {% for name in metric_names() %}
            case
                when {{ name }}_score is not null then {{ name }}_weight
                else 0
            end as {{ name }}_scored_weight,
            case
                when {{ name }}_score is not null
                    then {{ name }}_weight * {{ to_units(name ~ '_score', 4) }}
                else 0
            end as {{ name }}_points,
        {% endfor %}
        {{ sum_of_metrics('coalesce({name}_weight, 0)') }} as weight
    from metric_scores

),

totals as (

    select
        counted.account_id,
        counted.score_date,
        counted.scorecard,
        counted.segment,
        counted.weight,
        {% for component in components() %}
            {% for total in ['weight', 'points'] %}
                {{ sum_of_metrics(
                    "case when components.{name} = '" ~ component ~ "' then {name}_"
                    ~ ('scored_' if total == 'weight') ~ total ~ " else 0 end"
                ) }} as {{ component }}_{{ total }},
            {% endfor %}
        {% endfor %}
        {{ sum_of_metrics('{name}_scored_weight') }} as scored_weight,
        {{ sum_of_metrics('{name}_points') }} as points,
        {{ sum_of_metrics('case when not {name}_is_missing then {name}_scored_weight else 0 end') }}
            as known_weight,
        {{ sum_of_metrics('case when not {name}_is_missing then {name}_points else 0 end') }}
            as known_points
    from counted
    cross join components

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
