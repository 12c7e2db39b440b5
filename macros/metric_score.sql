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
    {{ score_of_progress(
        curve,
        metric_progress(curve, value, poor_at, healthy_at),
        'abs(' ~ healthy_at ~ ' - ' ~ poor_at ~ ')'
    ) }}
{%- endmacro %}
