{{ config(pre_hook="{{ forget_account_dates_to_score() }}") }}
-- depends_on: {{ ref('account_dates_to_score') }}

-- One row per account, score date, scorecard and metric: what the metric adds to the score and what
-- it costs. The contributions of an account, date and scorecard add up to its computed score.
with

metric_scores as (

    select metric_scores.*
    from {{ ref('metric_scores') }} as metric_scores
    {% if is_incremental() %}
        inner join {{ ref('account_dates_to_score') }} as to_score
            on
                metric_scores.account_id = to_score.account_id
                and metric_scores.score_date = to_score.score_date
    {% endif %}

),

scored_weights as (

    select
        account_id,
        score_date,
        scorecard,
        sum(weight) as scored_weight
    from metric_scores
    where metric_score is not null
    group by account_id, score_date, scorecard

),

-- A row without a metric score keeps its place but no weight: it is left out.
weighed as (

    select
        metric_scores.*,
        scored_weights.scored_weight,
        case when metric_scores.metric_score is not null then metric_scores.weight else 0 end
            as counted_weight,
        coalesce(metric_scores.metric_score, 0) as counted_score
    from metric_scores
    left join scored_weights
        on
            metric_scores.account_id = scored_weights.account_id
            and metric_scores.score_date = scored_weights.score_date
            and metric_scores.scorecard = scored_weights.scorecard

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
        coalesce({{ exact_ratio('counted_weight', 'scored_weight', 6, 6) }}, 0) as decimal(9, 6)
    ) as effective_weight,
    cast(
        coalesce(
            {{ exact_ratio('counted_weight * counted_score', 'scored_weight', 6, 10) }}, 0
        ) as decimal(9, 6)
    ) as contribution,
    cast(
        coalesce(
            {{ exact_ratio('counted_weight * (100 - counted_score)', 'scored_weight', 6, 10) }}, 0
        ) as decimal(9, 6)
    ) as points_lost,
    is_missing
from weighed
