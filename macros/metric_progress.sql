{#-
    How far a value has come from the one that scores 0 to the one that scores 100, in its own unit: 0
    to abs(healthy_at - poor_at). On the curve target both sides of healthy_at count alike. Nothing
    is subtracted of values beyond the two, which may be large. Null where the value is.
-#}
{% macro metric_progress(curve, value, poor_at, healthy_at) -%}
    case
        when {{ value }} is null then null
        when {{ curve }} = 'target' and abs({{ value }} - {{ healthy_at }}) >= abs({{ healthy_at }} - {{ poor_at }})
            then 0
        when {{ curve }} = 'target'
            then abs({{ healthy_at }} - {{ poor_at }}) - abs({{ value }} - {{ healthy_at }})
        when
            ({{ healthy_at }} > {{ poor_at }} and {{ value }} >= {{ healthy_at }})
            or ({{ healthy_at }} < {{ poor_at }} and {{ value }} <= {{ healthy_at }})
            then abs({{ healthy_at }} - {{ poor_at }})
        when
            ({{ healthy_at }} > {{ poor_at }} and {{ value }} <= {{ poor_at }})
            or ({{ healthy_at }} < {{ poor_at }} and {{ value }} >= {{ poor_at }})
            then 0
        else abs({{ value }} - {{ poor_at }})
    end
{%- endmacro %}
