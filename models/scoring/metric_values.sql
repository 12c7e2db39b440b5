{{ config(materialized='view') }}

-- One row per account, score date and metric of the catalogue; unknown values stay, as null.
with

account_segments as (

    select * from {{ ref('account_segments') }}

),

metrics as (

    select * from {{ ref('metrics') }}

),

metrics_usage as (

    select * from {{ ref('metrics_usage') }}

),

metrics_support as (

    select * from {{ ref('metrics_support') }}

),

metrics_sentiment as (

    select * from {{ ref('metrics_sentiment') }}

),

metrics_revenue as (

    select * from {{ ref('metrics_revenue') }}

),

side_by_side as (

    select
        {% for table, columns in metric_columns().items() %}
            {% for column in columns %}
                {{ table }}.{{ column }},
            {% endfor %}
        {% endfor %}
        account_segments.account_id,
        account_segments.score_date,
        account_segments.segment
    from account_segments
    left join metrics_usage
        on
            account_segments.account_id = metrics_usage.account_id
            and account_segments.score_date = metrics_usage.score_date
    left join metrics_support
        on
            account_segments.account_id = metrics_support.account_id
            and account_segments.score_date = metrics_support.score_date
    left join metrics_sentiment
        on
            account_segments.account_id = metrics_sentiment.account_id
            and account_segments.score_date = metrics_sentiment.score_date
    left join metrics_revenue
        on
            account_segments.account_id = metrics_revenue.account_id
            and account_segments.score_date = metrics_revenue.score_date

)

select
    side_by_side.account_id,
    side_by_side.score_date,
    side_by_side.segment,
    metrics.metric,
    metrics.component,
    case metrics.metric
        {% for columns in metric_columns().values() %}
            {% for column in columns %}
                when '{{ column }}' then side_by_side.{{ column }}
            {% endfor %}
        {% endfor %}
    end as metric_value
from side_by_side
cross join metrics
