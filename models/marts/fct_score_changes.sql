{{ config(pre_hook="{{ delete_stale_score_changes() }}") }}
-- depends_on: {{ ref('stale_score_changes') }}

-- One row per account, score date, days back and cause (and metric, where the cause is one): the
-- points by which it moved the health score of the live retention scorecard since the earlier date.
-- Both scores are of today's formula. The rows of a comparison add up to the change.
with

scorecards as (

    select * from {{ ref('scorecards') }}
    where
        goal = 'retention'
        and status = 'live'

),

scores as (

    select scores.*
    from {{ ref('fct_health_scores') }} as scores
    inner join scorecards
        on scores.scorecard = scorecards.scorecard
    where scores.health_score is not null

),

date_pairs as (

    {{ date_pairs() }}

),

keys as (

    select
        scores.account_id,
        date_pairs.score_date,
        date_pairs.days_back,
        date_pairs.earlier_date
    from date_pairs
    {% if is_incremental() %}
        inner join {{ ref('stale_score_changes') }} as scores
            on
                date_pairs.score_date = scores.score_date
                and date_pairs.days_back = scores.days_back
    {% else %}
        inner join scores
            on date_pairs.score_date = scores.score_date
    {% endif %}

),

-- Without a computed score at both ends, the override is the whole change. LEFT JOIN fixes the join
-- order: the keys come first.
found_comparisons as (

    select
        scores.account_id,
        scores.score_date,
        scores.scorecard,
        scores.segment,
        keys.days_back,
        keys.earlier_date,
        scores.segment <> earlier.segment as is_moved,
        scores.computed_score - earlier.computed_score as computed_change,
        coalesce(
            scores.capped_score - scores.computed_score
            - (earlier.capped_score - earlier.computed_score), 0
        ) as cap_points,
        scores.health_score - earlier.health_score
        - coalesce(scores.capped_score - earlier.capped_score, 0) as override_points
    from keys
    left join scores
        on
            keys.account_id = scores.account_id
            and keys.score_date = scores.score_date
    left join scores as earlier
        on
            keys.account_id = earlier.account_id
            and keys.earlier_date = earlier.score_date
    where
        scores.account_id is not null
        and earlier.account_id is not null

),

-- Integer surrogate keys for a comparison and for an account on a date: millions of rows are
-- joined, and integers are much cheaper to join on than names.
comparisons as (

    select
        *,
        cast(row_number() over (order by account_id, score_date, days_back) as integer)
            as comparison
    from found_comparisons

),

compared_dates as (

    select
        account_id,
        score_date
    from comparisons
    where computed_change is not null

    union

    select
        account_id,
        earlier_date as score_date
    from comparisons
    where computed_change is not null

),

moments as (

    select
        *,
        cast(row_number() over (order by account_id, score_date) as integer) as moment
    from compared_dates

),

metric_orders as (

    select
        metric,
        cast(row_number() over (order by metric) as smallint) as metric_order
    from {{ ref('metrics') }}

),

-- Weights are whole millionths, scores whole ten-thousandths. In few bytes, as these rows are held
-- in memory, twice.
drivers as (

    select
        moments.moment,
        metric_orders.metric_order,
        {{ metric_value_of('metric_orders.metric', 'metric_scores', '_is_missing') }} as is_missing,
        {{ metric_value_of('metric_orders.metric', 'metric_scores', '_weight') }} as weight,
        {{ metric_value_of('metric_orders.metric', 'metric_scores', '_score') }} as metric_score
    from {{ ref('metric_scores') }} as metric_scores
    inner join scorecards
        on metric_scores.scorecard = scorecards.scorecard
    inner join moments
        on
            metric_scores.account_id = moments.account_id
            and metric_scores.score_date = moments.score_date
    inner join {{ ref('scorecard_metrics') }} as rows_of_scorecard
        on
            metric_scores.scorecard = rows_of_scorecard.scorecard
            and metric_scores.segment = rows_of_scorecard.segment
    inner join metric_orders
        on rows_of_scorecard.metric = metric_orders.metric

),

counted_drivers as (

    select
        moment,
        metric_order,
        is_missing,
        case when metric_score is null then 0 else weight end as counted_weight,
        cast({{ to_units('coalesce(metric_score, 0)', 4) }} as integer) as counted_score
    from drivers
    where weight is not null

),

totals as (

    select
        moment,
        cast(sum(counted_weight) as bigint) as scored_weight,
        cast(sum(cast(counted_weight as bigint) * counted_score) as bigint) as points
    from counted_drivers
    group by moment

),

-- LEFT JOIN fixes the join order: these small tables are joined first.
weighed_comparisons as (

    select
        comparisons.*,
        moments.moment,
        earlier_moments.moment as earlier_moment,
        totals.scored_weight,
        earlier_totals.scored_weight as earlier_scored_weight,
        earlier_totals.points as earlier_points
    from comparisons
    left join moments
        on
            comparisons.account_id = moments.account_id
            and comparisons.score_date = moments.score_date
    left join moments as earlier_moments
        on
            comparisons.account_id = earlier_moments.account_id
            and comparisons.earlier_date = earlier_moments.score_date
    left join totals
        on moments.moment = totals.moment
    left join totals as earlier_totals
        on earlier_moments.moment = earlier_totals.moment
    where comparisons.computed_change is not null

),

-- After a move to another segment, the earlier values are judged by the new segment's scorecard. A
-- rank among the new peers was never theirs: there the score of now stands in.
moved as (

    select
        comparisons.comparison,
        comparisons.moment,
        comparisons.scored_weight,
        comparisons.scorecard,
        comparisons.segment as segment_now,
        earlier.*
    from weighed_comparisons as comparisons
    inner join {{ ref('metrics_wide') }} as earlier
        on
            comparisons.account_id = earlier.account_id
            and comparisons.earlier_date = earlier.score_date
    where comparisons.is_moved

),

moved_values as (

    select
        side_by_side.comparison,
        side_by_side.moment,
        side_by_side.scored_weight,
        metric_orders.metric_order,
        rows_of_scorecard.curve,
        rows_of_scorecard.poor_at,
        rows_of_scorecard.healthy_at,
        rows_of_scorecard.score_if_missing,
        rows_of_scorecard.weight,
        {{ metric_value_of('rows_of_scorecard.metric', 'side_by_side') }} as metric_value
    from moved as side_by_side
    inner join {{ ref('scorecard_metrics') }} as rows_of_scorecard
        on
            side_by_side.scorecard = rows_of_scorecard.scorecard
            and side_by_side.segment_now = rows_of_scorecard.segment
    inner join metric_orders
        on rows_of_scorecard.metric = metric_orders.metric

),

restated_scores as (

    select
        moved_values.comparison,
        moved_values.scored_weight,
        moved_values.metric_order,
        drivers.is_missing as is_missing_now,
        cast(drivers.counted_weight as bigint) as counted_weight_now,
        cast(drivers.counted_score as bigint) as counted_score_now,
        moved_values.curve = 'percentile' as is_rank,
        moved_values.weight,
        case
            when moved_values.curve = 'percentile' then drivers.is_missing
            else moved_values.metric_value is null
        end as is_missing,
        case
            when moved_values.curve = 'percentile' then null
            when moved_values.metric_value is null
                then cast(moved_values.score_if_missing as decimal(7, 4))
            else {{ metric_score(
                'moved_values.curve', 'moved_values.metric_value', 'moved_values.poor_at',
                'moved_values.healthy_at'
            ) }}
        end as metric_score
    from moved_values
    inner join counted_drivers as drivers
        on
            moved_values.moment = drivers.moment
            and moved_values.metric_order = drivers.metric_order

),

restated as (

    select
        *,
        case
            when is_rank then counted_weight_now
            when metric_score is null then 0
            else {{ to_units('weight', 6) }}
        end as counted_weight,
        case
            when is_rank then counted_score_now
            else {{ to_units('coalesce(metric_score, 0)', 4) }}
        end as counted_score
    from restated_scores

),

restated_totals as (

    select
        comparison,
        cast(sum(counted_weight) as bigint) as scored_weight,
        cast(sum(counted_weight * counted_score) as bigint) as points
    from restated
    group by comparison

),

-- Millions of pairs: with what makes a pair only, and what has not changed is gone before the sums
-- of its comparison come in.
changed_pairs as (

    select
        comparisons.comparison,
        drivers.metric_order,
        drivers.is_missing = earlier.is_missing as is_behaviour,
        drivers.counted_weight,
        drivers.counted_score,
        earlier.counted_weight as earlier_weight,
        earlier.counted_score as earlier_score
    from weighed_comparisons as comparisons
    inner join counted_drivers as drivers
        on comparisons.moment = drivers.moment
    -- One integer for account, date and metric: joined by two, all drivers of a metric could meet.
    inner join counted_drivers as earlier
        on
            cast(comparisons.earlier_moment as bigint) * 1000 + drivers.metric_order
            = cast(earlier.moment as bigint) * 1000 + earlier.metric_order
    where
        not comparisons.is_moved
        and (
            drivers.counted_weight <> earlier.counted_weight
            or drivers.counted_score <> earlier.counted_score
        )

),

pairs as (

    select
        changed_pairs.comparison,
        changed_pairs.metric_order,
        changed_pairs.is_behaviour,
        cast(changed_pairs.counted_weight as bigint) as counted_weight,
        cast(changed_pairs.counted_score as bigint) as counted_score,
        cast(changed_pairs.earlier_weight as bigint) as earlier_weight,
        cast(changed_pairs.earlier_score as bigint) as earlier_score,
        comparisons.scored_weight,
        comparisons.earlier_scored_weight,
        comparisons.earlier_points
    from changed_pairs
    -- A left join, so that it comes after the pairs.
    left join weighed_comparisons as comparisons
        on changed_pairs.comparison = comparisons.comparison

    union all

    select
        restated.comparison,
        restated.metric_order,
        restated.is_missing_now = restated.is_missing as is_behaviour,
        restated.counted_weight_now as counted_weight,
        restated.counted_score_now as counted_score,
        restated.counted_weight as earlier_weight,
        restated.counted_score as earlier_score,
        restated.scored_weight,
        restated_totals.scored_weight as earlier_scored_weight,
        restated_totals.points as earlier_points
    from restated
    inner join restated_totals
        on restated.comparison = restated_totals.comparison
    where
        restated.counted_weight_now <> restated.counted_weight
        or restated.counted_score_now <> restated.counted_score

),

-- What a metric moves: its score, at a weight that stays; or, where it joins or leaves the weighted
-- mean, its distance from the earlier mean. The distance (here times the earlier weight) is divided
-- by both weights in steps, of which each leaves a rest, so that no number outgrows 64 bits.
distances as (

    select
        *,
        counted_weight + earlier_weight as moving_weight,
        case
            when earlier_weight = 0 then counted_score * earlier_scored_weight - earlier_points
            when counted_weight = 0 then earlier_points - earlier_score * earlier_scored_weight
        end as distance,
        nullif(scored_weight, 0) as divisor,
        nullif(earlier_scored_weight, 0) as earlier_divisor
    from pairs

),

weighted_distances as (

    select
        *,
        moving_weight * ({{ whole_quotient('distance', 'earlier_divisor') }}) as weighted_distance,
        moving_weight * (distance % earlier_divisor) as weighted_rest
    from distances

),

-- Null without an earlier mean: nothing to split.
metric_points as (

    select
        comparison,
        metric_order,
        is_behaviour,
        case
            when counted_weight = earlier_weight
                then {{ divide_int(
                    'counted_weight * (counted_score - earlier_score)', 'scored_weight', 6, -4
                ) }}
            else
                cast({{ whole_quotient('weighted_distance', 'divisor') }} as decimal(14, 0))
                * cast(0.0001 as decimal(4, 4))
                + {{ divide_int(
                    '(weighted_distance % divisor * earlier_divisor + weighted_rest)',
                    '(divisor * earlier_divisor)', 6, -4
                ) }}
        end as points
    from weighted_distances

),

-- The largest points, of several the first metric by name, as the smallest number.
ordered_points as (

    select
        *,
        metric_order - 1000 * {{ to_units('abs(points)', 6) }} as points_order
    from metric_points

),

metric_totals as (

    select
        comparison,
        cast(sum(points) as decimal(18, 6)) as points,
        cast(sum(case when points <> 0 then 1 else 0 end) as integer) as moving_metrics,
        min(points_order) as first_order
    from ordered_points
    group by comparison

),

-- The published score has two decimals: what is lost by rounding goes to the largest cause (even if
-- all are less than half a millionth), or to the move between segments.
splits as (

    select
        comparisons.*,
        metric_totals.first_order,
        coalesce(metric_totals.moving_metrics, 0) as moving_metrics,
        cast(
            coalesce(comparisons.computed_change, 0) - coalesce(metric_totals.points, 0)
            as decimal(18, 6)
        ) as remaining_points
    from comparisons
    left join metric_totals
        on comparisons.comparison = metric_totals.comparison

),

causes as (

    select
        ordered_points.comparison,
        case when ordered_points.is_behaviour then 'behaviour' else 'coverage' end as cause,
        ordered_points.metric_order,
        cast(
            ordered_points.points
            + case
                when ordered_points.points_order = splits.first_order and not splits.is_moved
                    then splits.remaining_points
                else 0
            end as decimal(18, 6)
        ) as points
    from ordered_points
    inner join splits
        on ordered_points.comparison = splits.comparison

    union all

    select
        comparison,
        'segment' as cause,
        null as metric_order,
        remaining_points as points
    from splits
    where is_moved

    union all

    select
        comparison,
        'cap' as cause,
        null as metric_order,
        cap_points as points
    from splits

    union all

    select
        comparison,
        'override' as cause,
        null as metric_order,
        override_points as points
    from splits

),

-- A single metric takes the whole change: where that is 0, nothing moved.
unmoved as (

    select comparison
    from splits
    where
        cap_points = 0
        and override_points = 0
        and case
            when is_moved then moving_metrics = 0 and remaining_points = 0
            else moving_metrics <= 1 and coalesce(computed_change, 0) = 0
        end

),

all_rows as (

    select
        comparison,
        cause,
        metric_order,
        points
    from causes
    where points <> 0

    union all

    select
        comparison,
        'unchanged' as cause,
        null as metric_order,
        0 as points
    from unmoved

)

select
    comparisons.account_id,
    comparisons.score_date,
    cast(comparisons.days_back as integer) as days_back,
    comparisons.earlier_date,
    all_rows.cause,
    metric_orders.metric,
    metrics.component,
    cast(all_rows.points as decimal(9, 6)) as points
from all_rows
inner join comparisons
    on all_rows.comparison = comparisons.comparison
left join metric_orders
    on all_rows.metric_order = metric_orders.metric_order
left join {{ ref('metrics') }} as metrics
    on metric_orders.metric = metrics.metric
