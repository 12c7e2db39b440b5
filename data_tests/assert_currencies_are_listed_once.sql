-- Currency codes are compared without case, so they are unique without case: two rates for one code
-- would double every amount. A row here is a code with several rates.
select
    lower(currency) as code,
    count(*) as rates
from {{ ref('currencies') }}
group by lower(currency)
having count(*) > 1
