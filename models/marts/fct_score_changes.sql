{{ config(pre_hook="{{ forget_changes_to_split() }}") }}
-- depends_on: {{ ref('changes_to_split') }}

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
        inner join {{ ref('changes_to_split') }} as scores
            on
                date_pairs.score_date = scores.score_date
                and date_pairs.days_back = scores.days_back
    {% else %}
        inner join scores
            on date_pairs.score_date = scores.score_date
    {% endif %}

),

-- Without a computed score at both ends, what was set by hand is the whole change. Left joins, so
-- that the keys come first.
comparisons as (

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

drivers as (

    select
        drivers.account_id,
        drivers.score_date,
        drivers.metric,
        drivers.component,
        drivers.metric_score,
        drivers.is_missing,
        drivers.weight,
        case when drivers.metric_score is null then 0 else {{ whole('drivers.weight', 6) }} end
            as counted_weight,
        {{ whole('coalesce(drivers.metric_score, 0)', 4) }} as counted_score
    from {{ ref('fct_health_drivers') }} as drivers
    inner join scorecards
        on drivers.scorecard = scorecards.scorecard
    inner join compared_dates
        on
            drivers.account_id = compared_dates.account_id
            and drivers.score_date = compared_dates.score_date

),

-- After a move to another segment, the earlier values are judged by the new segment's scorecard. A
-- rank among the new peers was never theirs: there the score of now stands in.
restated_scores as (

    select
        comparisons.account_id,
        comparisons.score_date,
        comparisons.days_back,
        drivers.metric,
        drivers.weight,
        case
            when rows_of_scorecard.curve = 'percentile' then drivers.is_missing
            else earlier_values.metric_value is null
        end as is_missing,
        case
            when rows_of_scorecard.curve = 'percentile' then drivers.metric_score
            when earlier_values.metric_value is null
                then cast(rows_of_scorecard.score_if_missing as decimal(7, 4))
            else {{ metric_score(
                'rows_of_scorecard.curve', 'earlier_values.metric_value',
                'rows_of_scorecard.poor_at', 'rows_of_scorecard.healthy_at'
            ) }}
        end as metric_score
    from comparisons
    inner join drivers
        on
            comparisons.account_id = drivers.account_id
            and comparisons.score_date = drivers.score_date
    inner join {{ ref('scorecard_metrics') }} as rows_of_scorecard
        on
            comparisons.scorecard = rows_of_scorecard.scorecard
            and comparisons.segment = rows_of_scorecard.segment
            and drivers.metric = rows_of_scorecard.metric
    inner join {{ ref('metric_values') }} as earlier_values
        on
            comparisons.account_id = earlier_values.account_id
            and comparisons.earlier_date = earlier_values.score_date
            and drivers.metric = earlier_values.metric
    where
        comparisons.is_moved
        and comparisons.computed_change is not null

),

restated as (

    select
        account_id,
        score_date,
        days_back,
        metric,
        is_missing,
        case when metric_score is null then 0 else {{ whole('weight', 6) }} end as counted_weight,
        {{ whole('coalesce(metric_score, 0)', 4) }} as counted_score
    from restated_scores

),

-- Weights are whole millionths, scores whole ten-thousandths.
totals as (

    select
        account_id,
        score_date,
        cast(sum(counted_weight) as bigint) as scored_weight,
        cast(sum(counted_weight * counted_score) as bigint) as points
    from drivers
    group by account_id, score_date

),

restated_totals as (

    select
        account_id,
        score_date,
        days_back,
        cast(sum(counted_weight) as bigint) as scored_weight,
        cast(sum(counted_weight * counted_score) as bigint) as points
    from restated
    group by account_id, score_date, days_back

),

-- Left joins, so that these small tables meet first.
weighed_comparisons as (

    select
        comparisons.account_id,
        comparisons.score_date,
        comparisons.days_back,
        comparisons.earlier_date,
        totals.scored_weight,
        earlier_totals.scored_weight as earlier_scored_weight,
        earlier_totals.points as earlier_points
    from comparisons
    left join totals
        on
            comparisons.account_id = totals.account_id
            and comparisons.score_date = totals.score_date
    left join totals as earlier_totals
        on
            comparisons.account_id = earlier_totals.account_id
            and comparisons.earlier_date = earlier_totals.score_date
    where
        not comparisons.is_moved
        and comparisons.computed_change is not null

),

pairs as (

    select
        drivers.account_id,
        drivers.score_date,
        comparisons.days_back,
        drivers.metric,
        drivers.component,
        drivers.is_missing = earlier.is_missing as is_behaviour,
        drivers.counted_weight,
        drivers.counted_score,
        earlier.counted_weight as earlier_weight,
        earlier.counted_score as earlier_score,
        comparisons.scored_weight,
        comparisons.earlier_scored_weight,
        comparisons.earlier_points
    from weighed_comparisons as comparisons
    inner join drivers
        on
            comparisons.account_id = drivers.account_id
            and comparisons.score_date = drivers.score_date
    inner join drivers as earlier
        on
            comparisons.account_id = earlier.account_id
            and comparisons.earlier_date = earlier.score_date
            and drivers.metric = earlier.metric
    where
        drivers.counted_weight <> earlier.counted_weight
        or drivers.counted_score <> earlier.counted_score

    union all

    select
        drivers.account_id,
        drivers.score_date,
        restated.days_back,
        drivers.metric,
        drivers.component,
        drivers.is_missing = restated.is_missing as is_behaviour,
        drivers.counted_weight,
        drivers.counted_score,
        restated.counted_weight as earlier_weight,
        restated.counted_score as earlier_score,
        totals.scored_weight,
        restated_totals.scored_weight as earlier_scored_weight,
        restated_totals.points as earlier_points
    from restated
    inner join drivers
        on
            restated.account_id = drivers.account_id
            and restated.score_date = drivers.score_date
            and restated.metric = drivers.metric
    inner join totals
        on
            restated.account_id = totals.account_id
            and restated.score_date = totals.score_date
    inner join restated_totals
        on
            restated.account_id = restated_totals.account_id
            and restated.score_date = restated_totals.score_date
            and restated.days_back = restated_totals.days_back
    where
        drivers.counted_weight <> restated.counted_weight
        or drivers.counted_score <> restated.counted_score

),

-- What a metric moves: its score, at a weight that stays; or, where it joins or leaves the weighted
-- mean, its distance from the earlier mean. Null without an earlier mean: nothing to split.
metric_points as (

    select
        account_id,
        score_date,
        days_back,
        metric,
        component,
        case when is_behaviour then 'behaviour' else 'coverage' end as cause,
        case
            when counted_weight = earlier_weight
                then {{ whole_ratio(
                    'counted_weight * (counted_score - earlier_score)', 'scored_weight', 6, -4
                ) }}
            else {{ exact_ratio(
                '(cast(counted_weight as decimal(38, 0))'
                ~ ' * (counted_score * earlier_scored_weight - earlier_points)'
                ~ ' - cast(earlier_weight as decimal(38, 0))'
                ~ ' * (earlier_score * earlier_scored_weight - earlier_points))',
                '(cast(10000 * scored_weight as decimal(38, 0)) * earlier_scored_weight)', 6
            ) }}
        end as points
    from pairs

),

-- The largest points, of several the first metric by name, as the smallest text: the number before
-- the name always has ten digits.
ordered_points as (

    select
        *,
        cast(
            2000000000 - {{ whole('abs(points)', 6) }} as {{ dbt.type_string() }}
        ) || metric as points_order
    from metric_points

),

metric_totals as (

    select
        account_id,
        score_date,
        days_back,
        sum(points) as points,
        sum(case when points <> 0 then 1 else 0 end) as moving_metrics,
        min(points_order) as first_order
    from ordered_points
    group by account_id, score_date, days_back

),

-- The published score has two decimals: what is lost by rounding goes to the largest cause (even if
-- all are less than half a millionth), or to the move between segments.
splits as (

    select
        comparisons.*,
        metric_totals.first_order,
        coalesce(metric_totals.moving_metrics, 0) as moving_metrics,
        coalesce(comparisons.computed_change, 0) - coalesce(metric_totals.points, 0)
            as remaining_points
    from comparisons
    left join metric_totals
        on
            comparisons.account_id = metric_totals.account_id
            and comparisons.score_date = metric_totals.score_date
            and comparisons.days_back = metric_totals.days_back

),

causes as (

    select
        ordered_points.account_id,
        ordered_points.score_date,
        ordered_points.days_back,
        ordered_points.cause,
        ordered_points.metric,
        ordered_points.component,
        ordered_points.points
        + case
            when ordered_points.points_order = splits.first_order and not splits.is_moved
                then splits.remaining_points
            else 0
        end as points
    from ordered_points
    inner join splits
        on
            ordered_points.account_id = splits.account_id
            and ordered_points.score_date = splits.score_date
            and ordered_points.days_back = splits.days_back

    union all

    select
        account_id,
        score_date,
        days_back,
        'segment' as cause,
        null as metric,
        null as component,
        remaining_points as points
    from splits
    where is_moved

    union all

    select
        account_id,
        score_date,
        days_back,
        'cap' as cause,
        null as metric,
        null as component,
        cap_points as points
    from splits

    union all

    select
        account_id,
        score_date,
        days_back,
        'override' as cause,
        null as metric,
        null as component,
        override_points as points
    from splits

),

-- A single metric takes the whole change: where that is 0, nothing moved.
unmoved as (

    select
        account_id,
        score_date,
        days_back
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
        account_id,
        score_date,
        days_back,
        cause,
        metric,
        component,
        points
    from causes
    where points <> 0

    union all

    select
        account_id,
        score_date,
        days_back,
        'unchanged' as cause,
        null as metric,
        null as component,
        0 as points
    from unmoved

)

select
    all_rows.account_id,
    all_rows.score_date,
    cast(all_rows.days_back as integer) as days_back,
    date_pairs.earlier_date,
    all_rows.cause,
    all_rows.metric,
    all_rows.component,
    cast(all_rows.points as decimal(9, 6)) as points
from all_rows
inner join date_pairs
    on
        all_rows.score_date = date_pairs.score_date
        and all_rows.days_back = date_pairs.days_back
