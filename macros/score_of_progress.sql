{#-
    0 to 100, 4 decimals: the score on a curve of a progress (macros/metric_progress.sql) along a
    span; null where the progress is.
-#}
{% macro score_of_progress(curve, progress, span) -%}
    cast(case
        when {{ curve }} = 'banded'
            then case
                when {{ progress }} = {{ span }} then 100
                when {{ progress }} = 0 then 0
                when {{ progress }} > 0 then 50
            end
        else {{ percentage_of_span(progress, span) }}
    end as decimal(7, 4))
{%- endmacro %}
