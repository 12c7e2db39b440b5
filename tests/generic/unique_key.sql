{#-
    Fails for every combination of the columns that stands in more than one row; null equals null.
    With scored_now only account dates that this run scores are looked at (macros/is_scored_now.sql).
-#}
{% test unique_key(model, columns, scored_now=false) %}

select
    {{ columns | join(', ') }},
    count(*) as copies
from {{ model }}
{% if scored_now %}where {{ is_scored_now() }}{% endif %}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
