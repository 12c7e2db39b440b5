-- One row per account, score date and days back whose change this run splits into causes: one of
-- the two scores is computed in this run, or the two dates were not compared before.
-- depends_on: {{ ref('metrics_wide') }}
{%- set previous = none if should_full_refresh() else previous_relation('fct_score_changes') %}
with

date_pairs as (

    {{ date_pairs() }}

),

to_compute as (

    select
        to_compute.account_id,
        to_compute.score_date
    from {{ ref('stale_scores') }} as to_compute
    inner join {{ ref('scorecards') }} as scorecards
        on to_compute.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'

),

{% if previous %}
    new_pairs as (

        select
            date_pairs.score_date,
            date_pairs.days_back
        from date_pairs
        left join (
            select distinct
                score_date,
                days_back,
                earlier_date
            from {{ previous }}
        ) as known
            on
                date_pairs.score_date = known.score_date
                and date_pairs.days_back = known.days_back
                and date_pairs.earlier_date = known.earlier_date
        where known.score_date is null

    ),
{% endif %}

keys as (

    select
        to_compute.account_id,
        date_pairs.score_date,
        date_pairs.days_back
    from date_pairs
    inner join to_compute
        on date_pairs.score_date = to_compute.score_date

    union distinct

    select
        to_compute.account_id,
        date_pairs.score_date,
        date_pairs.days_back
    from date_pairs
    inner join to_compute
        on date_pairs.earlier_date = to_compute.score_date
    {% if previous %}

        union distinct

        select
            side_by_side.account_id,
            new_pairs.score_date,
            new_pairs.days_back
        from new_pairs
        inner join {{ ref('metrics_wide') }} as side_by_side
            on new_pairs.score_date = side_by_side.score_date
    {% endif %}

)

select
    account_id,
    score_date,
    cast(days_back as integer) as days_back
from keys
