{#-
    Fails for every combination of the columns that stands in more than one row; null equals null.
    With `not_null` it also fails where one of them is null. `of_this_run` limits it to the rows that
    this run makes (macros/is_of_this_run.sql).
-#}
{% test unique_key(model, columns, not_null=false, of_this_run=none) %}

select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
{% if of_this_run %}where {{ is_of_this_run(of_this_run) }}{% endif %}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in columns if not_null %}
        or {{ column }} is null
    {% endfor %}

{% endtest %}
