{#- Fails for every value outside the bounds given; null passes. -#}
{% test within_range(model, column_name, at_least=none, above=none, at_most=none) %}

select {{ column_name }}
from {{ model }}
where
    false
    {% if at_least is not none %}or {{ column_name }} < {{ at_least }}{% endif %}
    {% if above is not none %}or {{ column_name }} <= {{ above }}{% endif %}
    {% if at_most is not none %}or {{ column_name }} > {{ at_most }}{% endif %}

{% endtest %}
