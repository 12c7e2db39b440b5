-- Nothing falls out between the grid and the scores: every account and date has one row in every
-- metrics table, one score per computed scorecard and, where it is scored now, one driver per row
-- of the scorecard. A row here is an account and date with too few or too many.
with

account_segments as (

    select * from {{ ref('account_segments') }}

),

expected as (

    select
        account_segments.account_id,
        account_segments.score_date,
        count(distinct scorecards.scorecard) as scores,
        count(*) as drivers
    from account_segments
    inner join {{ ref('scorecard_metrics') }} as scorecard_metrics
        on account_segments.segment = scorecard_metrics.segment
    inner join {{ ref('scorecards') }} as scorecards
        on
            scorecard_metrics.scorecard = scorecards.scorecard
            and scorecards.status in ('live', 'challenger')
    group by account_segments.account_id, account_segments.score_date

),

found as (

    select
        account_id,
        score_date,
        sum(metric_rows) as metric_rows,
        sum(score_rows) as scores,
        sum(driver_rows) as drivers
    from (
        {% for table in metric_columns() %}
            select
                account_id,
                score_date,
                1 as metric_rows,
                0 as score_rows,
                0 as driver_rows
            from {{ ref(table) }}
            union all
        {% endfor %}
        select
            account_id,
            score_date,
            0 as metric_rows,
            1 as score_rows,
            0 as driver_rows
        from {{ ref('fct_health_scores') }}
        union all
        select
            account_id,
            score_date,
            0 as metric_rows,
            0 as score_rows,
            1 as driver_rows
        from {{ ref('fct_health_drivers') }}
        where {{ is_scored_now() }}
    ) as rows_of_all
    group by account_id, score_date

)

select
    account_segments.account_id,
    account_segments.score_date,
    found.metric_rows,
    found.scores,
    expected.scores as expected_scores,
    found.drivers,
    expected.drivers as expected_drivers
from account_segments
full outer join found
    on
        account_segments.account_id = found.account_id
        and account_segments.score_date = found.score_date
left join expected
    on
        account_segments.account_id = expected.account_id
        and account_segments.score_date = expected.score_date
where
    account_segments.account_id is null
    or found.account_id is null
    or found.metric_rows <> 4
    or found.scores <> coalesce(expected.scores, 0)
    or (
        found.drivers <> coalesce(expected.drivers, 0)
        and {{ is_scored_now('account_segments') }}
    )
