-- poor_at and healthy_at differ. On linear and banded rows healthy_at lies on the side that the
-- catalogue calls better; percentile rows go from a lower to a higher percentile within 0 to 100,
-- whichever side is better; target rows may have poor_at on either side. A row here is a scorecard
-- row that would reward the wrong direction.
with

judged as (

    select
        scorecard_metrics.scorecard || ', ' || scorecard_metrics.segment || ', '
        || scorecard_metrics.metric as row_key,
        scorecard_metrics.metric,
        metrics.better,
        {{ number_text('scorecard_metrics.poor_at', 6) }} as poor_at,
        {{ number_text('scorecard_metrics.healthy_at', 6) }} as healthy_at,
        case
            when scorecard_metrics.healthy_at > scorecard_metrics.poor_at then 'above' else 'below'
        end as side,
        case
            when scorecard_metrics.poor_at = scorecard_metrics.healthy_at then 'equal'
            when scorecard_metrics.curve = 'percentile'
                then case
                    when scorecard_metrics.poor_at not between 0 and 100 then 'poor_at'
                    when scorecard_metrics.healthy_at not between 0 and 100 then 'healthy_at'
                    when scorecard_metrics.poor_at > scorecard_metrics.healthy_at then 'upside down'
                end
            when
                scorecard_metrics.curve in ('linear', 'banded')
                and (scorecard_metrics.poor_at < scorecard_metrics.healthy_at)
                <> (metrics.better = 'higher')
                then 'wrong side'
        end as slip
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    left join {{ ref('metrics') }} as metrics
        on scorecard_metrics.metric = metrics.metric

)

select
    'scorecard_metrics' as seed,
    row_key,
    case when slip = 'poor_at' then 'poor_at' else 'healthy_at' end as column_name,
    case slip
        when 'equal' then 'poor_at and healthy_at are both ' || poor_at
        when 'poor_at' then poor_at || ' is no percentile'
        when 'healthy_at' then healthy_at || ' is no percentile'
        else
            'healthy_at ' || healthy_at || ' is ' || side || ' poor_at ' || poor_at || ', but '
            || case
                when slip = 'upside down' then 'percentiles count from the worst up'
                else better || ' is better for ' || metric || ' (metrics.csv)'
            end
    end as fault,
    case slip
        when 'equal' then 'let them differ'
        when 'poor_at' then 'percentiles go from 0 to 100, the better end is 100'
        when 'healthy_at' then 'percentiles go from 0 to 100, the better end is 100'
        else 'swap poor_at and healthy_at'
    end as hint
from judged
where slip is not null
