-- Nothing falls out between the grid and the scores: on every date every metrics table has a row
-- for every account, and every computed scorecard a score and as many drivers as its rows for the
-- segment; keys are unique by tests of their own. A row here is a date with too few or too many.
with

account_segments as (

    select * from {{ ref('account_segments') }}

),

scorecard_rows as (

    select
        scorecard_metrics.scorecard,
        scorecard_metrics.segment,
        count(*) as drivers
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on
            scorecard_metrics.scorecard = scorecards.scorecard
            and scorecards.status in ('live', 'challenger')
    group by scorecard_metrics.scorecard, scorecard_metrics.segment

),

accounts_per_segment as (

    select
        score_date,
        segment,
        count(*) as accounts
    from account_segments
    group by score_date, segment

),

expected as (

    {% for table in metric_columns() %}
        select
            '{{ table }}' as place,
            score_date,
            sum(accounts) as expected_rows
        from accounts_per_segment
        group by score_date

        union all

    {% endfor %}
    select
        'score of ' || scorecard_rows.scorecard as place,
        accounts_per_segment.score_date,
        sum(accounts_per_segment.accounts) as expected_rows
    from accounts_per_segment
    inner join scorecard_rows
        on accounts_per_segment.segment = scorecard_rows.segment
    group by scorecard_rows.scorecard, accounts_per_segment.score_date

    union all

    select
        'driver of ' || scorecard_rows.scorecard as place,
        accounts_per_segment.score_date,
        sum(accounts_per_segment.accounts * scorecard_rows.drivers) as expected_rows
    from accounts_per_segment
    inner join scorecard_rows
        on accounts_per_segment.segment = scorecard_rows.segment
    group by scorecard_rows.scorecard, accounts_per_segment.score_date

),

found as (

    {% for table in metric_columns() %}
        select
            '{{ table }}' as place,
            score_date,
            count(*) as found_rows
        from {{ ref(table) }}
        group by score_date

        union all

    {% endfor %}
    select
        'score of ' || scorecard as place,
        score_date,
        count(*) as found_rows
    from {{ ref('fct_health_scores') }}
    group by scorecard, score_date

    union all

    select
        'driver of ' || scorecard as place,
        score_date,
        count(*) as found_rows
    from {{ ref('fct_health_drivers') }}
    group by scorecard, score_date

)

select
    coalesce(expected.place, found.place) as place,
    coalesce(expected.score_date, found.score_date) as score_date,
    expected.expected_rows,
    found.found_rows
from expected
full outer join found
    on
        expected.place = found.place
        and expected.score_date = found.score_date
where expected.expected_rows is distinct from found.found_rows
