{#-
    The day that usage events are read by: that of event_at, 1900-01-01 for events without one, so
    that every raw row has a day.
-#}
{% macro event_day(event_at) -%}
    coalesce(cast({{ event_at }} as date), date '1900-01-01')
{%- endmacro %}
