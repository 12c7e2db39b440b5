{#- Fails for every row of which the condition does not hold; unknown fails. -#}
{% test is_true(model, condition) %}

select *
from {{ model }}
where coalesce(not ({{ condition }}), true)

{% endtest %}
