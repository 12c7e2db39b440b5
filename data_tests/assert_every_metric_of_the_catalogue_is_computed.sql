-- The catalogue and the columns of the metrics tables name the same metrics, both ways. A row here
-- is a metric that only one of them knows: its value would be null for everybody.
with

columns_of_tables as (

    {% for table, columns in metric_columns().items() %}
        {% set last_table = loop.last %}
        {% for column in columns %}
            select '{{ column }}' as metric
            {% if not (loop.last and last_table) %}
                union all
            {% endif %}
        {% endfor %}
    {% endfor %}

)

select
    'metrics' as seed,
    metrics.metric as row_key,
    'metric' as column_name,
    case
        when metrics.metric is null
            then columns_of_tables.metric || ' is computed, but it is not listed'
        else 'no table of models/metrics computes "' || metrics.metric || '"'
    end as fault,
    case
        when metrics.metric is null then 'put its row back'
        else 'delete the row, or write the SQL first'
    end as hint
from {{ ref('metrics') }} as metrics
full outer join columns_of_tables
    on metrics.metric = columns_of_tables.metric
where
    metrics.metric is null
    or columns_of_tables.metric is null
