-- One row per account, score date and metric that some scorecard ranks in the account's segment:
-- where a known value stands among its peers, as a fraction.
with

side_by_side as (

    select * from {{ ref('metrics_wide') }}

),

ranked_metrics as (

    select distinct
        scorecard_rows.segment,
        scorecard_rows.metric,
        scorecard_rows.curve,
        metrics.better
    from {{ ref('scorecard_metrics') }} as scorecard_rows
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_rows.scorecard = scorecards.scorecard
    inner join {{ ref('metrics') }} as metrics
        on scorecard_rows.metric = metrics.metric
    where
        scorecards.status in ('live', 'challenger')
        and scorecard_rows.curve = 'percentile'

),

metric_values as (

    select
        side_by_side.account_id,
        side_by_side.score_date,
        side_by_side.segment,
        ranked_metrics.metric,
        ranked_metrics.curve,
        ranked_metrics.better,
        {{ metric_value_of('ranked_metrics.metric', 'side_by_side') }} as metric_value
    from side_by_side
    inner join ranked_metrics
        on side_by_side.segment = ranked_metrics.segment

),

-- Peers are the accounts of the same segment and date with a known value.
peers as (

    select
        account_id,
        score_date,
        segment,
        metric,
        curve,
        better,
        count(*) over (partition by score_date, segment, metric) as all_peers,
        rank() over (
            partition by score_date, segment, metric order by metric_value asc
        ) - 1 as lower_peers,
        rank() over (
            partition by score_date, segment, metric order by metric_value desc
        ) - 1 as higher_peers
    from metric_values
    where metric_value is not null

)

-- 100 x (worse + equal / 2) / all, kept as a fraction: with worse + equal + better = all, the
-- numerator is 50 x (all + worse - better).
select
    account_id,
    score_date,
    segment,
    metric,
    curve,
    all_peers,
    50 * (
        all_peers
        + case when better = 'higher' then 1 else -1 end * (lower_peers - higher_peers)
    ) as rank_times_peers
from peers
