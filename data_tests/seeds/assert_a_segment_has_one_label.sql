-- All rules of a segment show it under the same name. A row here is a rule with another label than
-- the first rule of its segment that has one.
with

named as (

    select
        segment,
        label,
        cast(priority as {{ dbt.type_string() }}) as row_key,
        row_number() over (partition by segment order by priority, label) as place
    from {{ ref('segments') }}
    where label is not null

)

select
    'segments' as seed,
    cast(rules.priority as {{ dbt.type_string() }}) as row_key,
    named.row_key as other_key,
    'label' as column_name,
    rules.segment || ' has another label in the rule of priority ' || named.row_key as fault,
    'write ' || named.label || ' here, or change it there' as hint
from {{ ref('segments') }} as rules
inner join named
    on
        rules.segment = named.segment
        and named.place = 1
where
    rules.label is null
    or rules.label <> named.label
