{{ config(pre_hook="{{ forget_drivers_to_compute() }}") }}
-- depends_on: {{ ref('scores_to_compute') }}
-- depends_on: {{ ref('scorecard_metrics') }}

-- One row per account, score date, scorecard and metric: what the metric adds to the score and what
-- it costs. The contributions of an account, date and scorecard add up to its computed score.
with

metric_scores as (

    select * from {{ ref('metric_scores') }}

),

-- A row without a metric score keeps its place but no weight: it is left out. In whole millionths
-- and ten-thousandths, as which they divide fast and exactly.
counted as (

    select
        *,
        case when metric_score is null then 0 else {{ whole('weight', 6) }} end as counted_weight,
        {{ whole('coalesce(metric_score, 0)', 4) }} as counted_score
    from metric_scores

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
