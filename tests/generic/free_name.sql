{#-
    Fails for every name, written as it is received, that looks like SQL or has a white space other
    than the plain one in it, which makes another name of it. Null passes.
-#}
{% test free_name(model, column_name) %}

select {{ column_name }}
from {{ model }}
where
    not {{ matches(column_name, '[^;' ~ white_space()[1:] ~ ']*') }}
    or {{ column_name }} like '--%'
    or {{ column_name }} like '% --%'
    or {{ column_name }} like '%''--%'
    or {{ column_name }} like '%/*%'

{% endtest %}
