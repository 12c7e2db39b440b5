-- Green lies above yellow, and yellow above red. A row here is a grade with a better colour than
-- the next grade that asks for a higher score.
with

lights as (

    select
        grade,
        colour,
        min_score,
        case colour when 'green' then 1 when 'yellow' then 2 else 3 end as light
    from {{ ref('grades') }}
    where
        colour in ('green', 'yellow', 'red')
        and min_score is not null

),

neighbours as (

    select
        *,
        lag(grade) over (order by min_score desc) as higher_grade,
        lag(colour) over (order by min_score desc) as higher_colour,
        lag(light) over (order by min_score desc) as higher_light
    from lights

)

select
    'grades' as seed,
    grade as row_key,
    higher_grade as other_key,
    'colour' as column_name,
    colour || ' from ' || {{ number_text('min_score', 2) }} || ', but ' || higher_colour
    || ' is the grade above it, ' || higher_grade as fault,
    'green lies above yellow, yellow above red' as hint
from neighbours
where light < higher_light
