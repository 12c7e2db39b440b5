{#-
    Fails for every name that is not made of small letters, digits and underscores, a letter first:
    names that SQL, file names and addresses take as they are. Null passes.
-#}
{% test plain_name(model, column_name) %}

select {{ column_name }}
from {{ model }}
where not {{ matches(column_name, '[a-z][a-z0-9_]*') }}

{% endtest %}
