-- Green lies above yellow, and yellow above red. A row here is a grade with a better colour than a
-- grade that asks for a higher score.
with

grades as (

    select
        *,
        case colour when 'green' then 1 when 'yellow' then 2 when 'red' then 3 end as light
    from {{ ref('grades') }}

)

select
    grades.grade,
    grades.colour,
    grades.min_score,
    above.grade as higher_grade,
    above.colour as higher_colour
from grades
inner join grades as above
    on
        grades.min_score < above.min_score
        and grades.light < above.light
