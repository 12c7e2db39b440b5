{#-
    0 to 100, 4 decimals: what a value is worth on a curve, given the value that scores 0 and the
    one that scores 100 (they differ).
    linear: in proportion between poor_at and healthy_at; more is better where healthy_at is the
    larger of the two. banded: 100 at healthy_at or better, 0 at poor_at or worse, 50 between.
    target: 100 at healthy_at, less on both sides, 0 from the distance of poor_at on.
    percentile: linear, on the percentile rank instead of the value.
    Null where the value is.
-#}
{% macro metric_score(curve, value, poor_at, healthy_at) -%}
    cast(case
        when {{ value }} is null then null
        when {{ curve }} = 'target' and abs({{ value }} - {{ healthy_at }}) >= abs({{ poor_at }} - {{ healthy_at }})
            then 0
        when {{ curve }} = 'target'
            then {{ percentage_of_span(
                'abs(' ~ poor_at ~ ' - ' ~ healthy_at ~ ') - abs(' ~ value ~ ' - ' ~ healthy_at ~ ')',
                'abs(' ~ poor_at ~ ' - ' ~ healthy_at ~ ')'
            ) }}
        when
            ({{ healthy_at }} > {{ poor_at }} and {{ value }} >= {{ healthy_at }})
            or ({{ healthy_at }} < {{ poor_at }} and {{ value }} <= {{ healthy_at }})
            then 100
        when
            ({{ healthy_at }} > {{ poor_at }} and {{ value }} <= {{ poor_at }})
            or ({{ healthy_at }} < {{ poor_at }} and {{ value }} >= {{ poor_at }})
            then 0
        when {{ curve }} = 'banded' then 50
        when {{ curve }} in ('linear', 'percentile')
            then {{ percentage_of_span(
                'abs(' ~ value ~ ' - ' ~ poor_at ~ ')', 'abs(' ~ healthy_at ~ ' - ' ~ poor_at ~ ')'
            ) }}
    end as decimal(7, 4))
{%- endmacro %}
