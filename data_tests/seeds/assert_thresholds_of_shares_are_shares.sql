-- A share is 0 to 1, a change of 50 % is 0.5: a threshold of 5 or more is a percentage typed as it
-- is spoken, and would put every account on one side of it. A row here is such a threshold.
with

thresholds as (

    {% for column in ['poor_at', 'healthy_at'] %}
        select
            'scorecard_metrics' as seed,
            scorecard || ', ' || segment || ', ' || metric as row_key,
            '{{ column }}' as column_name,
            metric,
            {{ column }} as threshold
        from {{ ref('scorecard_metrics') }}
        where curve <> 'percentile'

        union all

    {% endfor %}
    select
        'score_caps' as seed,
        cap as row_key,
        'worse_than' as column_name,
        metric,
        worse_than as threshold
    from {{ ref('score_caps') }}

    union all

    select
        'playbooks' as seed,
        playbook as row_key,
        'threshold' as column_name,
        trigger as metric,
        threshold
    from {{ ref('playbooks') }}
    where trigger_on = 'metric'

)

select
    thresholds.seed,
    thresholds.row_key,
    thresholds.column_name,
    {{ number_text('thresholds.threshold', 6) }} || ' is '
    || {{ number_text('thresholds.threshold * 100', 6) }} || ' %: ' || thresholds.metric
    || ' is a share' as fault,
    'did you mean ' || {{ number_text('thresholds.threshold * 0.01', 8) }} || '?' as hint
from thresholds
inner join {{ ref('metrics') }} as metrics
    on thresholds.metric = metrics.metric
where
    metrics.unit = 'share'
    and abs(thresholds.threshold) >= 5
