{#-
    Fails for every combination of the columns that stands in more than one row; null equals null.
    `of_this_run` limits it to the rows that this run makes (macros/is_of_this_run.sql). For tables
    of tens of millions of rows: `names_in` is a seed of at most 62 names, which the last column is
    of. Then names are bits, whose sum and union differ where one stands there twice, and groups are
    as many fewer; a name that is not listed fails, too.
-#}
{% test unique_key(model, columns, of_this_run=none, names_in=none) %}

{% set grouped_by = columns[:-1] if names_in else columns -%}
{% if names_in %}
    with

    names as (

        select
            {{ columns[-1] }},
            cast(
                power(2, row_number() over (order by {{ columns[-1] }}) - 1) as bigint
            ) as name_bit
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
{% endif %}
select
    {{ grouped_by | join(', ') }},
    count(*) as copies
from {{ 'tested' if names_in else model }}
{% if of_this_run %}where {{ is_of_this_run(of_this_run) }}{% endif %}
group by {{ grouped_by | join(', ') }}
{% if names_in %}
having
    sum(name_bit) <> bit_or(name_bit)
    or count(*) <> count(name_bit)
{% else %}
having count(*) > 1
{% endif %}

{% endtest %}
