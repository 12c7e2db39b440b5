{{ config(pre_hook="{{ forget_changes_to_split() }}") }}
-- depends_on: {{ ref('account_dates_to_score') }}

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

    {% for days in comparison_days() %}
        select
            score_date,
            {{ days }} as days_back,
            date_{{ days }}d_earlier as earlier_date
        from {{ ref('score_dates') }}
        where date_{{ days }}d_earlier is not null
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

{% if is_incremental() %}
    new_date_pairs as (

        select
            date_pairs.score_date,
            date_pairs.days_back
        from date_pairs
        left join (
            select distinct
                score_date,
                days_back
            from {{ this }}
        ) as kept
            on
                date_pairs.score_date = kept.score_date
                and date_pairs.days_back = kept.days_back
        where kept.score_date is null

    ),
{% endif %}

-- Without a computed score at both ends, what was set by hand is the whole change.
comparisons as (

    select
        scores.account_id,
        scores.score_date,
        scores.scorecard,
        scores.segment,
        date_pairs.days_back,
        date_pairs.earlier_date,
        scores.segment <> earlier.segment as is_moved,
        scores.computed_score - earlier.computed_score as computed_change,
        coalesce(
            scores.capped_score - scores.computed_score
            - (earlier.capped_score - earlier.computed_score), 0
        ) as cap_points,
        scores.health_score - earlier.health_score
        - coalesce(scores.capped_score - earlier.capped_score, 0) as override_points
    from date_pairs
    inner join scores
        on date_pairs.score_date = scores.score_date
    inner join scores as earlier
        on
            scores.account_id = earlier.account_id
            and date_pairs.earlier_date = earlier.score_date
    {% if is_incremental() %}
        left join new_date_pairs
            on
                date_pairs.score_date = new_date_pairs.score_date
                and date_pairs.days_back = new_date_pairs.days_back
        left join {{ ref('account_dates_to_score') }} as to_score
            on
                scores.account_id = to_score.account_id
                and scores.score_date = to_score.score_date
        left join {{ ref('account_dates_to_score') }} as earlier_to_score
            on
                scores.account_id = earlier_to_score.account_id
                and date_pairs.earlier_date = earlier_to_score.score_date
        where
            new_date_pairs.score_date is not null
            or to_score.account_id is not null
            or earlier_to_score.account_id is not null
    {% endif %}

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
restated as (

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

earlier_drivers as (

    select
        comparisons.account_id,
        comparisons.score_date,
        comparisons.days_back,
        drivers.metric,
        drivers.is_missing,
        drivers.counted_weight,
        drivers.counted_score
    from comparisons
    inner join drivers
        on
            comparisons.account_id = drivers.account_id
            and comparisons.earlier_date = drivers.score_date
    where not comparisons.is_moved

    union all

    select
        account_id,
        score_date,
        days_back,
        metric,
        is_missing,
        case when metric_score is null then 0 else {{ whole('weight', 6) }} end as counted_weight,
        {{ whole('coalesce(metric_score, 0)', 4) }} as counted_score
    from restated

),

totals as (

    select
        account_id,
        score_date,
        cast(sum(counted_weight) as bigint) as scored_weight
    from drivers
    group by account_id, score_date

),

earlier_totals as (

    select
        account_id,
        score_date,
        days_back,
        cast(sum(counted_weight) as bigint) as scored_weight,
        cast(sum(counted_weight * counted_score) as bigint) as points
    from earlier_drivers
    group by account_id, score_date, days_back

),

-- Weights are whole millionths, scores whole ten-thousandths. What a metric moves: its score, at a
-- weight that stays; or, where it joins or leaves the weighted mean, its distance from the earlier
-- mean. Without an earlier mean there is nothing to split (null).
metric_points as (

    select
        drivers.account_id,
        drivers.score_date,
        earlier_drivers.days_back,
        drivers.metric,
        drivers.component,
        case
            when drivers.is_missing = earlier_drivers.is_missing then 'behaviour'
            else 'coverage'
        end as cause,
        case
            when drivers.counted_weight = earlier_drivers.counted_weight
                then {{ whole_ratio(
                    'drivers.counted_weight * (drivers.counted_score - earlier_drivers.counted_score)',
                    'totals.scored_weight', 6, -4
                ) }}
            else {{ exact_ratio(
                '(cast(drivers.counted_weight as decimal(38, 0))'
                ~ ' * (drivers.counted_score * earlier_totals.scored_weight - earlier_totals.points)'
                ~ ' - cast(earlier_drivers.counted_weight as decimal(38, 0))'
                ~ ' * (earlier_drivers.counted_score * earlier_totals.scored_weight'
                ~ ' - earlier_totals.points))',
                '(cast(10000 * totals.scored_weight as decimal(38, 0)) * earlier_totals.scored_weight)',
                6
            ) }}
        end as points
    from drivers
    inner join earlier_drivers
        on
            drivers.account_id = earlier_drivers.account_id
            and drivers.score_date = earlier_drivers.score_date
            and drivers.metric = earlier_drivers.metric
    inner join totals
        on
            drivers.account_id = totals.account_id
            and drivers.score_date = totals.score_date
    inner join earlier_totals
        on
            drivers.account_id = earlier_totals.account_id
            and drivers.score_date = earlier_totals.score_date
            and earlier_drivers.days_back = earlier_totals.days_back
    where
        drivers.counted_weight <> earlier_drivers.counted_weight
        or drivers.counted_score <> earlier_drivers.counted_score

),

ranked_points as (

    select
        *,
        sum(points) over (partition by account_id, score_date, days_back) as all_points,
        row_number() over (
            partition by account_id, score_date, days_back
            order by abs(points) desc, metric asc
        ) as points_rank
    from metric_points

),

metric_totals as (

    select
        account_id,
        score_date,
        days_back,
        sum(points) as points
    from metric_points
    group by account_id, score_date, days_back

),

-- The published score has two decimals: what is lost by rounding goes to the largest cause (even if
-- all are less than half a millionth), or to the move between segments.
causes as (

    select
        ranked_points.account_id,
        ranked_points.score_date,
        ranked_points.days_back,
        ranked_points.cause,
        ranked_points.metric,
        ranked_points.component,
        ranked_points.points
        + case
            when ranked_points.points_rank = 1 and not comparisons.is_moved
                then comparisons.computed_change - ranked_points.all_points
            else 0
        end as points
    from ranked_points
    inner join comparisons
        on
            ranked_points.account_id = comparisons.account_id
            and ranked_points.score_date = comparisons.score_date
            and ranked_points.days_back = comparisons.days_back

    union all

    select
        comparisons.account_id,
        comparisons.score_date,
        comparisons.days_back,
        'segment' as cause,
        null as metric,
        null as component,
        comparisons.computed_change - coalesce(metric_totals.points, 0) as points
    from comparisons
    left join metric_totals
        on
            comparisons.account_id = metric_totals.account_id
            and comparisons.score_date = metric_totals.score_date
            and comparisons.days_back = metric_totals.days_back
    where
        comparisons.is_moved
        and comparisons.computed_change is not null

    union all

    select
        account_id,
        score_date,
        days_back,
        'cap' as cause,
        null as metric,
        null as component,
        cap_points as points
    from comparisons

    union all

    select
        account_id,
        score_date,
        days_back,
        'override' as cause,
        null as metric,
        null as component,
        override_points as points
    from comparisons

),

moved as (

    select * from causes
    where points <> 0

),

moved_comparisons as (

    select distinct
        account_id,
        score_date,
        days_back
    from moved

),

unmoved as (

    select
        comparisons.account_id,
        comparisons.score_date,
        comparisons.days_back
    from comparisons
    left join moved_comparisons
        on
            comparisons.account_id = moved_comparisons.account_id
            and comparisons.score_date = moved_comparisons.score_date
            and comparisons.days_back = moved_comparisons.days_back
    where moved_comparisons.account_id is null

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
    from moved

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
