{#-
    One branch of the time line in metrics_usage: the rows of a relation as moments, each moving only
    the measures given as {measure: SQL}; all others stay as they are (0, or null for what is unknown
    without a value). `day_number` is the SQL of the day on which they move.
-#}
{% macro usage_moments(relation, measures, day_number='day_number') -%}
    select
        account_id,
        {{ day_number }} as day_number,
        {{ measures.get('events', '0') }} as events,
        {{ measures.get('duration_seconds', 'null') }} as duration_seconds,
        {{ measures.get('active_users', '0') }} as active_users,
        {{ measures.get('active_day_number', 'null') }} as active_day_number,
        {{ measures.get('active_days', '0') }} as active_days,
        {{ measures.get('compliance_days', '0') }} as compliance_days,
        {{ measures.get('users_change', '0') }} as users_change,
        {{ measures.get('core_features_change', '0') }} as core_features_change,
        {{ measures.get('setup_features_change', '0') }} as setup_features_change
    from {{ relation }}
{%- endmacro %}
