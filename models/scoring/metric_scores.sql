{{ config(pre_hook="{{ delete_stale_scores() }}") }}

-- One row per account, score date and scorecard: for each metric of the catalogue what it is worth
-- (_score), how much it counts in the scorecard of the account's segment (_weight, in millionths of
-- a point) and whether its value is unknown (_is_missing). All three are null where the scorecard
-- does not have the metric; a score that is null beside a weight is left out of the mean.
with

metrics as (

    select * from {{ ref('metrics_wide') }}

),

stale_scores as (

    select * from {{ ref('stale_scores') }}

),

scorecard_rows as (

    select
        scorecard_metrics.*,
        {{ to_units('scorecard_metrics.weight', 6) }} as whole_weight
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard
    where scorecards.status in ('live', 'challenger')

),

-- A scorecard of a segment as one row, to be joined to the metrics of its accounts.
scorecards_wide as (

    select
        {% for name in metric_names() %}
            max(case when metric = '{{ name }}' then curve end) as {{ name }}_curve,
            max(case when metric = '{{ name }}' then poor_at end) as {{ name }}_poor_at,
            max(case when metric = '{{ name }}' then healthy_at end) as {{ name }}_healthy_at,
            max(case when metric = '{{ name }}' then score_if_missing end)
                as {{ name }}_score_if_missing,
            cast(max(case when metric = '{{ name }}' then whole_weight end) as integer)
                as {{ name }}_whole_weight,
        {% endfor %}
        scorecard,
        segment
    from scorecard_rows
    group by scorecard, segment

),

-- On a percentile row the rank stands for the value. Rank and limits are multiplied by the number
-- of peers, so that nothing is rounded before the score is.
rank_scores as (

    select
        percentile_ranks.account_id,
        percentile_ranks.score_date,
        scorecard_rows.scorecard,
        scorecard_rows.metric,
        {{ metric_score(
            'scorecard_rows.curve',
            'cast(percentile_ranks.rank_times_peers as decimal(18, 6))',
            'cast(scorecard_rows.poor_at * percentile_ranks.all_peers as decimal(18, 6))',
            'cast(scorecard_rows.healthy_at * percentile_ranks.all_peers as decimal(18, 6))'
        ) }} as rank_score
    from {{ ref('percentile_ranks') }} as percentile_ranks
    inner join scorecard_rows
        on
            percentile_ranks.segment = scorecard_rows.segment
            and percentile_ranks.metric = scorecard_rows.metric
            and percentile_ranks.curve = scorecard_rows.curve

),

rank_scores_wide as (

    select
        {% for name in metric_names() %}
            max(case when metric = '{{ name }}' then rank_score end) as {{ name }},
        {% endfor %}
        account_id,
        score_date,
        scorecard
    from rank_scores
    group by account_id, score_date, scorecard

),

measured as (

    select
        {% for name in metric_names() %}
            scorecards_wide.{{ name }}_curve,
            scorecards_wide.{{ name }}_whole_weight,
            case
                when metrics.{{ name }} is null
                    then cast(scorecards_wide.{{ name }}_score_if_missing as decimal(7, 4))
                when scorecards_wide.{{ name }}_curve = 'percentile'
                    then rank_scores_wide.{{ name }}
            end as {{ name }}_set_score,
            {{ metric_progress(
                'scorecards_wide.' ~ name ~ '_curve', 'metrics.' ~ name,
                'scorecards_wide.' ~ name ~ '_poor_at', 'scorecards_wide.' ~ name ~ '_healthy_at'
            ) }} as {{ name }}_progress,
            abs(scorecards_wide.{{ name }}_healthy_at - scorecards_wide.{{ name }}_poor_at)
                as {{ name }}_span,
        {% endfor %}
        stale_scores.account_id,
        stale_scores.score_date,
        stale_scores.scorecard,
        metrics.segment
    from stale_scores
    inner join metrics
        on
            stale_scores.account_id = metrics.account_id
            and stale_scores.score_date = metrics.score_date
    inner join scorecards_wide
        on
            stale_scores.scorecard = scorecards_wide.scorecard
            and metrics.segment = scorecards_wide.segment
    left join rank_scores_wide
        on
            stale_scores.account_id = rank_scores_wide.account_id
            and stale_scores.score_date = rank_scores_wide.score_date
            and stale_scores.scorecard = rank_scores_wide.scorecard

)

select
    {% for name in metric_names() %}
        case
            when {{ name }}_progress is null or {{ name }}_curve = 'percentile'
                then {{ name }}_set_score
            else {{ score_of_progress(name ~ '_curve', name ~ '_progress', name ~ '_span') }}
        end as {{ name }}_score,
        {{ name }}_whole_weight as {{ name }}_weight,
        case
            when {{ name }}_whole_weight is not null then {{ name }}_progress is null
        end as {{ name }}_is_missing,
    {% endfor %}
    account_id,
    score_date,
    scorecard,
    segment
from measured
