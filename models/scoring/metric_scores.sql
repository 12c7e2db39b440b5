-- One row per account, score date, scorecard and metric of the account's scorecard: what the metric
-- is worth and how much it counts. Unknown values stay; their score may be null.
with

metric_values as (

    select * from {{ ref('metric_values') }}

),

metrics as (

    select * from {{ ref('metrics') }}

),

scorecard_rows as (

    select
        scorecard_metrics.*,
        scorecards.goal,
        scorecards.min_coverage
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard
    where scorecards.status in ('live', 'challenger')

),

ranked_metrics as (

    select distinct
        scorecard_rows.segment,
        scorecard_rows.metric,
        scorecard_rows.curve,
        metrics.better
    from scorecard_rows
    inner join metrics
        on scorecard_rows.metric = metrics.metric
    where scorecard_rows.curve = 'percentile'

),

-- Peers are the accounts of the same segment and date with a known value.
peers as (

    select
        metric_values.account_id,
        metric_values.score_date,
        metric_values.metric,
        ranked_metrics.curve,
        ranked_metrics.better,
        count(*) over (
            partition by metric_values.score_date, metric_values.segment, metric_values.metric
        ) as all_peers,
        rank() over (
            partition by metric_values.score_date, metric_values.segment, metric_values.metric
            order by metric_values.metric_value asc
        ) - 1 as lower_peers,
        rank() over (
            partition by metric_values.score_date, metric_values.segment, metric_values.metric
            order by metric_values.metric_value desc
        ) - 1 as higher_peers
    from metric_values
    inner join ranked_metrics
        on
            metric_values.segment = ranked_metrics.segment
            and metric_values.metric = ranked_metrics.metric
    where metric_values.metric_value is not null

),

-- 100 x (worse + equal / 2) / all, kept as a fraction: with worse + equal + better = all, the
-- numerator is 50 x (all + worse - better).
percentile_ranks as (

    select
        account_id,
        score_date,
        metric,
        curve,
        all_peers,
        50 * (
            all_peers
            + case when better = 'higher' then 1 else -1 end * (lower_peers - higher_peers)
        ) as rank_times_peers
    from peers

),

-- On a percentile row the rank stands for the value; both sides are multiplied by the number of
-- peers, so that nothing is rounded before the score is.
measured as (

    select
        metric_values.account_id,
        metric_values.score_date,
        scorecard_rows.scorecard,
        scorecard_rows.goal,
        metric_values.segment,
        metric_values.component,
        metric_values.metric,
        metric_values.metric_value,
        scorecard_rows.curve,
        scorecard_rows.weight,
        scorecard_rows.score_if_missing,
        scorecard_rows.min_coverage,
        case
            when scorecard_rows.curve = 'percentile' then percentile_ranks.rank_times_peers
            else metric_values.metric_value
        end as measured_value,
        scorecard_rows.poor_at * coalesce(percentile_ranks.all_peers, 1) as poor_at,
        scorecard_rows.healthy_at * coalesce(percentile_ranks.all_peers, 1) as healthy_at
    from metric_values
    inner join scorecard_rows
        on
            metric_values.segment = scorecard_rows.segment
            and metric_values.metric = scorecard_rows.metric
    left join percentile_ranks
        on
            metric_values.account_id = percentile_ranks.account_id
            and metric_values.score_date = percentile_ranks.score_date
            and metric_values.metric = percentile_ranks.metric
            and scorecard_rows.curve = percentile_ranks.curve

)

select
    account_id,
    score_date,
    scorecard,
    goal,
    segment,
    component,
    metric,
    metric_value,
    case
        when metric_value is null then cast(score_if_missing as decimal(7, 4))
        else {{ metric_score('curve', 'measured_value', 'poor_at', 'healthy_at') }}
    end as metric_score,
    weight,
    min_coverage,
    metric_value is null as is_missing
from measured
