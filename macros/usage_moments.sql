{#-
    One branch of the time line in metrics_usage: the rows of a relation as moments, each moving only
    the measures given as {measure: SQL}; all others stay as they are. `day_number` is the SQL of
    the date on which they move.
-#}
{% macro usage_moments(relation, day_number, measures) -%}
    {%- set unmoved = {
        'events': '0',
        'events_56d': '0',
        'duration_seconds': '0',
        'timed_days': '0',
        'user_days': '0',
        'active_days': '0',
        'active_days_90d': '0',
        'last_active_day': 'cast(null as bigint)',
        'first_active_day': 'cast(null as bigint)',
        'compliance_days': '0',
        'distinct_users': '0',
        'core_features': '0',
        'setup_features': '0',
    } -%}
    select
        account_id,
        {{ day_number }} as day_number
        {%- for measure, nothing in unmoved.items() %},
        {{ measures.get(measure, nothing) }} as {{ measure }}
        {%- endfor %}
    from {{ relation }}
{%- endmacro %}
