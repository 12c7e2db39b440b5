{{ config(materialized='view') }}

-- One row per account, score date, scorecard and metric of the scorecard, for the scores that this
-- run computes: what the metric is worth and how much it counts. Unknown values stay; their score
-- may be null, and then they are not in the scored weight of the account's scorecard. Where only
-- ranks moved, metrics on other curves are what they were and have no row.
with

metrics_wide as (

    select * from {{ ref('metrics_wide') }}

),

scores_to_compute as (

    select * from {{ ref('scores_to_compute') }}

),

percentile_ranks as (

    select * from {{ ref('percentile_ranks') }}

),

scorecard_rows as (

    select
        scorecard_metrics.*,
        metrics.component,
        {{ whole('scorecard_metrics.weight', 6) }} as whole_weight
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard
    inner join {{ ref('metrics') }} as metrics
        on scorecard_metrics.metric = metrics.metric
    where scorecards.status in ('live', 'challenger')

),

-- Weights as columns, as the metrics are: added up before the metrics become rows, which is many
-- times as fast as afterwards.
weights_side_by_side as (

    select
        {% for columns in metric_columns().values() %}
            {% for column in columns %}
                sum(case when metric = '{{ column }}' then whole_weight else 0 end) as {{ column }},
                sum(
                    case
                        when metric = '{{ column }}' and score_if_missing is not null
                            then whole_weight
                        else 0
                    end
                ) as {{ column }}_if_missing,
            {% endfor %}
        {% endfor %}
        scorecard,
        segment
    from scorecard_rows
    group by scorecard, segment

),

side_by_side as (

    select
        metrics.*,
        weights.scorecard,
        to_compute.is_only_ranks,
        cast(
            {% for columns in metric_columns().values() %}
                {% set is_last_table = loop.last %}
                {% for column in columns %}
                    case
                        when metrics.{{ column }} is null then weights.{{ column }}_if_missing
                        else weights.{{ column }}
                    end{{ ' +' if not (loop.last and is_last_table) }}
                {% endfor %}
            {% endfor %}
            as bigint
        ) as scored_weight
    from scores_to_compute as to_compute
    inner join metrics_wide as metrics
        on
            to_compute.account_id = metrics.account_id
            and to_compute.score_date = metrics.score_date
    inner join weights_side_by_side as weights
        on
            metrics.segment = weights.segment
            and to_compute.scorecard = weights.scorecard

),

metric_values as (

    select
        side_by_side.account_id,
        side_by_side.score_date,
        side_by_side.scorecard,
        side_by_side.segment,
        side_by_side.scored_weight,
        scorecard_rows.component,
        scorecard_rows.metric,
        scorecard_rows.curve,
        scorecard_rows.poor_at,
        scorecard_rows.healthy_at,
        scorecard_rows.weight,
        scorecard_rows.score_if_missing,
        {{ metric_value_of('scorecard_rows.metric') }} as metric_value
    from side_by_side
    inner join scorecard_rows
        on
            side_by_side.scorecard = scorecard_rows.scorecard
            and side_by_side.segment = scorecard_rows.segment
    where
        not side_by_side.is_only_ranks
        or scorecard_rows.curve = 'percentile'

),

-- On a percentile row the rank stands for the value; both sides are multiplied by the number of
-- peers, so that nothing is rounded before the score is.
measured as (

    select
        metric_values.account_id,
        metric_values.score_date,
        metric_values.scorecard,
        metric_values.segment,
        metric_values.component,
        metric_values.metric,
        metric_values.metric_value,
        metric_values.curve,
        metric_values.weight,
        metric_values.scored_weight,
        metric_values.score_if_missing,
        case
            when metric_values.curve <> 'percentile' then metric_values.metric_value
            else cast(percentile_ranks.rank_times_peers as decimal(18, 6))
        end as measured_value,
        case
            when percentile_ranks.all_peers is null then metric_values.poor_at
            else cast(metric_values.poor_at * percentile_ranks.all_peers as decimal(18, 6))
        end as poor_at,
        case
            when percentile_ranks.all_peers is null then metric_values.healthy_at
            else cast(metric_values.healthy_at * percentile_ranks.all_peers as decimal(18, 6))
        end as healthy_at
    from metric_values
    left join percentile_ranks
        on
            metric_values.account_id = percentile_ranks.account_id
            and metric_values.score_date = percentile_ranks.score_date
            and metric_values.metric = percentile_ranks.metric
            and metric_values.curve = percentile_ranks.curve

)

select
    account_id,
    score_date,
    scorecard,
    segment,
    component,
    metric,
    metric_value,
    case
        when metric_value is null then cast(score_if_missing as decimal(7, 4))
        else {{ metric_score('curve', 'measured_value', 'poor_at', 'healthy_at') }}
    end as metric_score,
    weight,
    scored_weight,
    metric_value is null as is_missing
from measured
