-- All rules of a segment show it under the same name. A row here is a segment with several labels.
select
    segment,
    count(distinct label) as labels
from {{ ref('segments') }}
group by segment
having count(distinct label) > 1
