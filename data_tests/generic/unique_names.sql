{#-
    unique_key for tables of tens of millions of rows, whose rows differ in a name beyond their
    `columns`: one of the at most 62 of a seed (its column `name_in_seed`) and of `other_names`. Fails
    for every combination of the columns in which a name stands twice, or one that is not listed.
    Names are bits, whose sum and union differ where one comes again, so that there are as many fewer
    groups. `named_by` is a column, or an expression.
-#}
{% test unique_names(
    model, columns, named_by, names_in, name_in_seed=none, other_names=[], of_this_run=none
) %}

with

listed as (

    select {{ name_in_seed or named_by }} as name
    from {{ names_in }}
    {% for other_name in other_names %}

        union all

        select '{{ other_name }}' as name
    {% endfor %}

),

names as (

    select
        name,
        cast(power(2, row_number() over (order by name) - 1) as bigint) as name_bit
    from listed

),

tested as (

    select
        tested.*,
        names.name_bit
    from {{ model }} as tested
    left join names
        on {{ named_by }} = names.name

)

select
    {{ columns | join(', ') }},
    count(*) as names
from tested
{% if of_this_run %}where {{ recomputed_this_run(of_this_run) }}{% endif %}
group by {{ columns | join(', ') }}
having
    sum(name_bit) <> bit_or(name_bit)
    or count(*) <> count(name_bit)

{% endtest %}
