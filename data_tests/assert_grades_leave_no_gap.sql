-- The lowest grade starts at 0, and one grade (blank bound) is for insufficient data. A row here
-- says what is wrong.
select
    min(min_score) as lowest_bound,
    sum(case when min_score is null then 1 else 0 end) as grades_without_bound
from {{ ref('grades') }}
having
    coalesce(min(min_score), -1) <> 0
    or sum(case when min_score is null then 1 else 0 end) <> 1
