{#- Fails for every row in which one of the columns is null. -#}
{% test known(model, columns) %}

select *
from {{ model }}
where
    false
    {% for column in columns %}
        or {{ column }} is null
    {% endfor %}

{% endtest %}
