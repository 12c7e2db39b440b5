-- The lowest grade starts at 0, and one grade (blank bound) is for insufficient data. A row here is
-- a grade that is one of several with a blank bound, or the lowest one; without a name nobody has
-- the blank bound.
with

bounds as (

    select
        grade,
        min_score,
        min(min_score) over () as lowest,
        sum(case when min_score is null then 1 else 0 end) over () as without_bound
    from {{ ref('grades') }}

),

counted as (

    select count(*) - count(min_score) as without_bound
    from bounds

)

select
    'grades' as seed,
    grade as row_key,
    'min_score' as column_name,
    cast(without_bound as {{ dbt.type_string() }})
    || ' grades have a blank min_score, the one for insufficient data has it' as fault,
    'fill in the others' as hint
from bounds
where
    min_score is null
    and without_bound > 1

union all

select
    'grades' as seed,
    cast(null as {{ dbt.type_string() }}) as row_key,
    'min_score' as column_name,
    '0 grades have a blank min_score, the one for insufficient data has it' as fault,
    'leave it blank there, or put the row back' as hint
from counted
where without_bound = 0

union all

select
    'grades' as seed,
    grade as row_key,
    'min_score' as column_name,
    'no grade starts at 0, so that low scores have none' as fault,
    'set the lowest min_score to 0' as hint
from bounds
where
    without_bound <= 1
    and (
        lowest is null
        or (lowest <> 0 and min_score = lowest)
    )
