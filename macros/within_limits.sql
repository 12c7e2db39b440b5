{#-
    True where a column of account_dates lies within the inclusive limits min_ and max_ of a row of
    segments; a blank limit holds for everything, a set one for nothing that is unknown.
-#}
{% macro within_limits(name) -%}
    (
        coalesce(account_dates.{{ name }} >= segments.min_{{ name }}, segments.min_{{ name }} is null)
        and coalesce(account_dates.{{ name }} <= segments.max_{{ name }}, segments.max_{{ name }} is null)
    )
{%- endmacro %}
