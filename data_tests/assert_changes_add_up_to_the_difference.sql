-- Every point of a change has a cause: the rows of a comparison add up to the difference of the two
-- health scores, exactly, and every comparison of two known scores has rows. A row here is a
-- comparison that does not add up, has no rows, or should have none.
with

scores as (

    select scores.*
    from {{ ref('fct_health_scores') }} as scores
    inner join {{ ref('scorecards') }} as scorecards
        on scores.scorecard = scorecards.scorecard
    where
        scorecards.goal = 'retention'
        and scorecards.status = 'live'
        and scores.health_score is not null

),

differences as (

    {% for days in comparison_days() %}
        select
            scores.account_id,
            scores.score_date,
            {{ days }} as days_back,
            scores.health_score - earlier.health_score as score_change
        from scores
        inner join {{ ref('score_dates') }} as score_dates
            on scores.score_date = score_dates.score_date
        inner join scores as earlier
            on
                scores.account_id = earlier.account_id
                and score_dates.date_{{ days }}d_earlier = earlier.score_date
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

differences_of_this_run as (

    select * from differences
    where {{ recomputed_this_run('changes') }}

),

causes as (

    select
        account_id,
        score_date,
        days_back,
        sum(points) as points
    from {{ ref('fct_score_changes') }}
    where {{ recomputed_this_run('changes') }}
    group by account_id, score_date, days_back

)

select
    differences.account_id,
    differences.score_date,
    differences.days_back,
    differences.score_change,
    causes.points
from differences_of_this_run as differences
full outer join causes
    on
        differences.account_id = causes.account_id
        and differences.score_date = causes.score_date
        and differences.days_back = causes.days_back
where differences.score_change is distinct from causes.points
