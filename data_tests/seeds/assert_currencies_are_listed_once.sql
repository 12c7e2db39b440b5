-- Currency codes are compared without case, so they are unique without case: two rates for one code
-- would double every amount. A row here is a code that is there in another case, too; one that is
-- there twice as it is fails a test of its own.
select
    'currencies' as seed,
    max(currency) as row_key,
    min(currency) as other_key,
    'currency' as column_name,
    '"' || max(currency) || '" is there already, as codes are compared without case: "'
    || min(currency) || '"' as fault,
    'delete one of the two' as hint
from {{ ref('currencies') }}
group by lower(currency)
having min(currency) <> max(currency)
