-- The weights of every scorecard and segment sum to exactly 100. A row here is one that does not.
select
    scorecard,
    segment,
    sum(weight) as weight_sum
from {{ ref('scorecard_metrics') }}
group by scorecard, segment
having sum(weight) <> 100
