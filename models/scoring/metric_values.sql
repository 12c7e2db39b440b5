{{ config(materialized='view') }}

-- One row per account, score date and metric of the catalogue; unknown values stay, as null.
with

account_segments as (

    select * from {{ ref('account_segments') }}

),

metrics as (

    select * from {{ ref('metrics') }}

),

{% for table in metric_columns() -%}
{{ table }} as (

    select * from {{ ref(table) }}

),

{% endfor -%}
side_by_side as (

    select
        account_segments.account_id,
        account_segments.score_date,
        account_segments.segment,
        {%- for table, columns in metric_columns().items() -%}
        {%- set last_table = loop.last -%}
        {%- for column in columns %}
        {{ table }}.{{ column }}{{ ',' if not (loop.last and last_table) }}
        {%- endfor -%}
        {%- endfor %}
    from account_segments
    {%- for table in metric_columns() %}
    left join {{ table }}
        on
            account_segments.account_id = {{ table }}.account_id
            and account_segments.score_date = {{ table }}.score_date
    {%- endfor %}

)

select
    side_by_side.account_id,
    side_by_side.score_date,
    side_by_side.segment,
    metrics.metric,
    metrics.component,
    case metrics.metric
        {%- for columns in metric_columns().values() -%}
        {%- for column in columns %}
        when '{{ column }}' then side_by_side.{{ column }}
        {%- endfor -%}
        {%- endfor %}
    end as metric_value
from side_by_side
cross join metrics
