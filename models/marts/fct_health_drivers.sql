{{ config(materialized='view') }}

-- One row per account, score date, scorecard and metric of the scorecard: what the metric adds to
-- the score and what it costs. The contributions of an account, date and scorecard add up to its
-- computed score. Made of kept tables only: PostgreSQL drops a view with a table that it reads.
with

scorecard_rows as (

    select
        scorecard_metrics.scorecard,
        scorecard_metrics.segment,
        scorecard_metrics.metric,
        scorecard_metrics.weight,
        metrics.component
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('metrics') }} as metrics
        on scorecard_metrics.metric = metrics.metric

),

-- A row without a metric score keeps its place but no weight: it is left out.
totals as (

    select
        *,
        {{ sum_of_metrics('case when {name}_score is not null then {name}_weight else 0 end') }}
            as scored_weight
    from {{ ref('metric_scores') }}

),

drivers as (

    select
        totals.account_id,
        totals.score_date,
        totals.scorecard,
        scorecard_rows.metric,
        totals.segment,
        scorecard_rows.component,
        scorecard_rows.weight,
        totals.scored_weight,
        case scorecard_rows.metric
            {% for table, names in metric_columns().items() %}
                {% for name in names %}
                    when '{{ name }}' then {{ table }}.{{ name }}
                {% endfor %}
            {% endfor %}
        end as metric_value,
        {{ metric_value_of('scorecard_rows.metric', 'totals', '_score') }} as metric_score,
        {{ metric_value_of('scorecard_rows.metric', 'totals', '_is_missing') }} as is_missing
    from totals
    {% for table in metric_columns() %}
        left join {{ ref(table) }} as {{ table }}
            on
                totals.account_id = {{ table }}.account_id
                and totals.score_date = {{ table }}.score_date
    {% endfor %}
    inner join scorecard_rows
        on
            totals.scorecard = scorecard_rows.scorecard
            and totals.segment = scorecard_rows.segment

),

-- In whole millionths and ten-thousandths, as which they divide fast and exactly.
counted as (

    select
        *,
        case when metric_score is null then 0 else {{ to_units('weight', 6) }} end
            as counted_weight,
        {{ to_units('coalesce(metric_score, 0)', 4) }} as counted_score
    from drivers

)

select
    account_id,
    score_date,
    scorecard,
    metric,
    segment,
    component,
    metric_value,
    metric_score,
    weight,
    cast(
        coalesce({{ divide_int('counted_weight', 'scored_weight', 6) }}, 0) as decimal(9, 6)
    ) as effective_weight,
    cast(
        coalesce(
            {{ divide_int('counted_weight * counted_score', 'scored_weight', 6, -4) }}, 0
        ) as decimal(9, 6)
    ) as contribution,
    cast(
        coalesce(
            {{ divide_int('counted_weight * (1000000 - counted_score)', 'scored_weight', 6, -4) }},
            0
        ) as decimal(9, 6)
    ) as points_lost,
    is_missing
from counted
