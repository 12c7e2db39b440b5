-- Every segment rule can be the one that decides: its limits leave room, and no rule of a lower
-- priority number matches all that it matches. A row here is a rule that never decides, with the
-- priority of the rule that comes before it (its own where the limits contradict each other).
{% set names = ['is_trial', 'industry', 'plan'] -%}
{% set limits = ['tenure_days', 'mrr', 'seats'] -%}
with

rules as (

    select
        *,
        case
            {% for limit in limits %}
                when min_{{ limit }} > max_{{ limit }} then 1
            {% endfor %}
            else 0
        end as is_upside_down
    from {{ ref('segments') }}

)

select
    rules.priority,
    rules.segment,
    earlier.priority as decides_instead
from rules
inner join rules as earlier
    on
        rules.is_upside_down = 0
        and earlier.is_upside_down = 0
        and earlier.priority < rules.priority
        {% for name in names %}
            and (
                earlier.{{ name }} is null
                or lower(cast(earlier.{{ name }} as {{ dbt.type_string() }}))
                = lower(cast(rules.{{ name }} as {{ dbt.type_string() }}))
            )
        {% endfor %}
        {% for limit in limits %}
            and (
                earlier.min_{{ limit }} is null
                or earlier.min_{{ limit }} <= rules.min_{{ limit }}
            )
            and (
                earlier.max_{{ limit }} is null
                or earlier.max_{{ limit }} >= rules.max_{{ limit }}
            )
        {% endfor %}

union all

select
    priority,
    segment,
    priority as decides_instead
from rules
where is_upside_down = 1
