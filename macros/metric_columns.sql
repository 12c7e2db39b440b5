{#-
    The metrics in the tables of models/metrics, by table: the one list that turns columns into rows.
    A test holds it equal to the catalogue, seeds/scoring/metrics.csv.
-#}
{% macro metric_columns() -%}
    {{ return({
        'metrics_usage': [
            'licence_utilisation_28d', 'core_feature_adoption_28d', 'setup_completion',
            'compliance_feature_days_28d', 'active_days_28d', 'stickiness_28d',
            'minutes_per_user_28d', 'usage_change_28d', 'days_since_last_activity',
            'login_interval_days_90d',
        ],
        'metrics_support': [
            'tickets_per_100_seats_90d', 'urgent_ticket_share_90d', 'open_tickets',
            'oldest_open_ticket_days', 'oldest_urgent_ticket_days', 'median_resolution_hours_90d',
            'reopened_ticket_share_90d', 'ticket_csat_90d',
        ],
        'metrics_sentiment': ['nps_180d', 'csat_180d', 'csm_sentiment_90d'],
        'metrics_revenue': [
            'mrr_change_90d', 'days_overdue', 'recurring_revenue_share_365d', 'days_to_renewal',
            'auto_renew_share', 'renewals_and_upsells_365d',
        ],
    }) }}
{%- endmacro %}
