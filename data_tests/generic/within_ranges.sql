{#-
    Fails for every row in which one of the columns is below its smallest or above its largest value;
    null passes. `of_this_run` limits it to the rows that this run makes (macros/is_of_this_run.sql).
-#}
{% test within_ranges(model, ranges, of_this_run=none) %}

select *
from {{ model }}
where
    (
        false
        {% for column, bounds in ranges.items() %}
            or {{ column }} < {{ bounds[0] }}
            or {{ column }} > {{ bounds[1] }}
        {% endfor %}
    )
    {% if of_this_run %}and {{ is_of_this_run(of_this_run) }}{% endif %}

{% endtest %}
