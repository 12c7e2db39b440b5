-- The weights of every scorecard and segment sum to exactly 100. A row here is one that does not.
select
    'scorecard_metrics' as seed,
    scorecard || ', ' || segment as row_key,
    'weight' as column_name,
    'the weights of ' || scorecard || ', ' || segment || ' sum to '
    || {{ number_text('sum(weight)', 6) }} || ', not 100' as fault,
    case
        when sum(weight) > 100 then 'take ' || {{ number_text('sum(weight) - 100', 6) }} || ' away'
        else 'add ' || {{ number_text('100 - sum(weight)', 6) }}
    end as hint
from {{ ref('scorecard_metrics') }}
group by scorecard, segment
having sum(weight) <> 100
