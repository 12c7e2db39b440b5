-- One row per account, score date and scorecard: the score, how far it can be trusted, its grade.
with

metric_scores as (

    select * from {{ ref('metric_scores') }}

),

grades as (

    select
        *,
        lead(min_score) over (order by min_score nulls last) as next_min_score
    from {{ ref('grades') }}

),

scoring_version as (

    select * from {{ ref('scoring_version') }}

),

-- A row without a metric score is left out: its weight is shared among the rest.
counted as (

    select
        *,
        case when metric_score is null then 0 else weight end as scored_weight,
        weight * coalesce(metric_score, 0) as points
    from metric_scores

),

totals as (

    select
        account_id,
        score_date,
        scorecard,
        goal,
        segment,
        min_coverage,
        {% for component in components() %}
            sum(case when component = '{{ component }}' then scored_weight end)
                as {{ component }}_weight,
            sum(case when component = '{{ component }}' then points end)
                as {{ component }}_points,
        {% endfor %}
        sum(weight) as weight,
        sum(scored_weight) as scored_weight,
        sum(points) as points,
        sum(case when is_missing then 0 else weight end) as known_weight,
        sum(case when is_missing then 0 else points end) as known_points
    from counted
    group by account_id, score_date, scorecard, goal, segment, min_coverage

),

computed as (

    select
        *,
        case
            when known_weight >= 100 * min_coverage
                then {{ exact_ratio('points', 'scored_weight', 2, 10) }}
        end as computed_score,
        {% for component in components() %}
            {{ exact_ratio(component ~ '_points', component ~ '_weight', 2, 10) }}
                as {{ component }}_score,
        {% endfor %}
        {{ exact_ratio('known_weight', 'cast(100 as decimal(12, 6))', 6, 6) }} as coverage,
        {{ exact_ratio('known_points', 'weight', 2, 10) }} as score_low,
        {{ exact_ratio('(known_points + 100 * (weight - known_weight))', 'weight', 2, 10) }}
            as score_high
    from totals

)

select
    computed.account_id,
    computed.score_date,
    computed.scorecard,
    computed.goal,
    computed.segment,
    cast(computed.computed_score as decimal(5, 2)) as computed_score,
    cast(computed.computed_score as decimal(5, 2)) as capped_score,
    cast(computed.computed_score as decimal(5, 2)) as health_score,
    grades.grade,
    cast(computed.coverage as decimal(9, 6)) as coverage,
    cast(computed.score_low as decimal(5, 2)) as score_low,
    cast(computed.score_high as decimal(5, 2)) as score_high,
    cast(null as varchar) as cap,
    cast(null as varchar) as override_id,
    {% for component in components() %}
        cast(computed.{{ component }}_score as decimal(5, 2)) as {{ component }}_score,
    {% endfor %}
    scoring_version.scoring_version
from computed
cross join scoring_version
left join grades
    on
        (computed.computed_score is null and grades.min_score is null)
        or (
            computed.computed_score >= grades.min_score
            and (grades.next_min_score is null or computed.computed_score < grades.next_min_score)
        )
