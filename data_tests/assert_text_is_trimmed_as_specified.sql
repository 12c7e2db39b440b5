-- White space of every kind goes, at the ends only; words for nothing are null. A row here is a
-- text that is cleaned differently.
{% set cases = [
    (' A1 ', 'A1'), ('\tA1\n', 'A1'), ('\u00a0A1\u3000', 'A1'), ('\u2009A\u00a01\u2028', 'A\u00a01'),
    ('007', '007'), ('aB', 'aB'), ('', none), ('  \t ', none), ('\u00a0', none), ('NULL', none),
    ('none', none), (' N/A ', none), ('?', none), ('-', none), ('--', '--'), ('nil', 'nil'),
    ('null!', 'null!'), ('😀', '😀'), ('\u200bA', '\u200bA'),
] -%}
{% set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
with

cases as (

    {% for cell, expected in cases %}
        select
            {{ loop.index }} as case_number,
            '{{ cell }}' as cell,
            {{ "'" ~ expected ~ "'" if expected is not none else no_text }}
                as expected
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

cleaned as (

    select
        case_number,
        expected,
        {{ nullify_blanks(trim_text('cell')) }} as found
    from cases

)

select *
from cleaned
where
    (found is null) <> (expected is null)
    or found <> expected
