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
    metrics.metric as catalogue_metric,
    columns_of_tables.metric as column_name
from {{ ref('metrics') }} as metrics
full outer join columns_of_tables
    on metrics.metric = columns_of_tables.metric
where
    metrics.metric is null
    or columns_of_tables.metric is null
