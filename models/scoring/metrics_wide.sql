-- One row per account and score date: all metrics of the catalogue as columns.
select
    {% for table, columns in metric_columns().items() %}
        {% for column in columns %}
            {{ table }}.{{ column }},
        {% endfor %}
    {% endfor %}
    account_segments.account_id,
    account_segments.score_date,
    account_segments.segment
from {{ ref('account_segments') }} as account_segments
left join {{ ref('metrics_usage') }} as metrics_usage
    on
        account_segments.account_id = metrics_usage.account_id
        and account_segments.score_date = metrics_usage.score_date
left join {{ ref('metrics_support') }} as metrics_support
    on
        account_segments.account_id = metrics_support.account_id
        and account_segments.score_date = metrics_support.score_date
left join {{ ref('metrics_sentiment') }} as metrics_sentiment
    on
        account_segments.account_id = metrics_sentiment.account_id
        and account_segments.score_date = metrics_sentiment.score_date
left join {{ ref('metrics_revenue') }} as metrics_revenue
    on
        account_segments.account_id = metrics_revenue.account_id
        and account_segments.score_date = metrics_revenue.score_date
