-- Every segment rule can be the one that decides: its limits leave room, and no rule of a lower
-- priority number matches all that it matches. A row here is a rule that never decides.
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

),

shadowed as (

    select
        cast(rules.priority as {{ dbt.type_string() }}) as row_key,
        cast(min(earlier.priority) as {{ dbt.type_string() }}) as other_key
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
    group by rules.priority

)

select
    'segments' as seed,
    row_key,
    other_key,
    'priority' as column_name,
    'never decides: all that it matches is matched first by the rule of priority ' || other_key
        as fault,
    'give that rule a higher priority number, or delete this one' as hint
from shadowed

{% for limit in limits %}
    union all

    select
        'segments' as seed,
        cast(priority as {{ dbt.type_string() }}) as row_key,
        cast(null as {{ dbt.type_string() }}) as other_key,
        'min_{{ limit }}' as column_name,
        'no account has {{ limit }} of at least ' || {{ number_text('min_' ~ limit, 6) }}
        || ' and at most ' || {{ number_text('max_' ~ limit, 6) }} as fault,
        'swap the two limits' as hint
    from rules
    where min_{{ limit }} > max_{{ limit }}
{% endfor %}
