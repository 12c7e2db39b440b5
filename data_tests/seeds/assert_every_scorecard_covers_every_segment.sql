-- A segment without rows in a computed scorecard would have no score. A row here is a missing pair,
-- or a scorecard without any row.
with

computed as (

    select scorecard
    from {{ ref('scorecards') }}
    where status in ('live', 'challenger')

),

pairs as (

    select distinct
        computed.scorecard,
        segments.segment
    from computed
    cross join {{ ref('segments') }} as segments

),

covered as (

    select distinct
        scorecard,
        segment
    from {{ ref('scorecard_metrics') }}

)

select
    'scorecard_metrics' as seed,
    pairs.scorecard || ', ' || pairs.segment as row_key,
    'segment' as column_name,
    pairs.scorecard || ' has no row for the segment ' || pairs.segment as fault,
    'add rows whose weights sum to 100; those of another segment are a start' as hint
from pairs
left join covered
    on
        pairs.scorecard = covered.scorecard
        and pairs.segment = covered.segment
where
    covered.scorecard is null
    and pairs.scorecard in (select with_rows.scorecard from covered as with_rows)

union all

-- Nothing as long as a row does not say which scorecard it is of: its cell fails another test.
select
    'scorecards' as seed,
    scorecard as row_key,
    'scorecard' as column_name,
    scorecard || ' has no row in scorecard_metrics.csv' as fault,
    'add rows for every segment, or retire the scorecard' as hint
from computed
where scorecard not in (select with_rows.scorecard from covered as with_rows)
