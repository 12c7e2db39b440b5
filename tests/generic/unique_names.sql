{#-
    unique_key for tables of tens of millions of rows, whose last column is one of the at most 62
    names of a seed: fails for every combination of the other columns in which a name stands twice,
    or one that the seed does not have. Names are bits, whose sum and union differ where one comes
    again, so that there are as many fewer groups.
-#}
{% test unique_names(model, columns, names_in, of_this_run=none) %}

with

names as (

    select
        {{ columns[-1] }},
        cast(power(2, row_number() over (order by {{ columns[-1] }}) - 1) as bigint) as name_bit
    from {{ names_in }}

),

tested as (

    select
        tested.*,
        names.name_bit
    from {{ model }} as tested
    left join names
        on tested.{{ columns[-1] }} = names.{{ columns[-1] }}

)

select
    {{ columns[:-1] | join(', ') }},
    count(*) as names
from tested
{% if of_this_run %}where {{ is_of_this_run(of_this_run) }}{% endif %}
group by {{ columns[:-1] | join(', ') }}
having
    sum(name_bit) <> bit_or(name_bit)
    or count(*) <> count(name_bit)

{% endtest %}
