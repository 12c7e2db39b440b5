{#-
    Fails for every row of which the condition does not hold; unknown fails. `of_this_run` limits it
    to the rows that this run makes (macros/is_of_this_run.sql).
-#}
{% test is_true(model, condition, of_this_run=none) %}

select *
from {{ model }}
where
    coalesce(not ({{ condition }}), true)
    {% if of_this_run %}and {{ is_of_this_run(of_this_run) }}{% endif %}

{% endtest %}
