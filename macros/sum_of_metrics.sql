{#-
    The sum, over the metrics of the catalogue, of an expression in which {name} stands for the name
    of a metric; no term may be null.
-#}
{% macro sum_of_metrics(expression) -%}
    cast(
        {% for name in metric_names() -%}
            {{ expression | replace('{name}', name) }}{{ ' + ' if not loop.last }}
        {% endfor -%}
        as bigint
    )
{%- endmacro %}
