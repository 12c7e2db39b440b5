-- What differs between engines (macros/engine) answers alike on each of them. A row here is a
-- expectation that does not hold. Casts, ratios and trimming have tests of their own.
{% set moment = "cast('%s' as timestamp)" -%}
{% set text = "cast('%s' as " ~ dbt.type_string() ~ ")" -%}
{% set no_text = "cast(null as " ~ dbt.type_string() ~ ")" -%}
{% set expectations = {
    'minutes move a moment over the end of a year':
        add_minutes(moment | format('2025-12-31 23:59:30'), '1') ~ ' = ' ~ moment | format('2026-01-01 00:00:30'),
    'minutes may be negative':
        add_minutes(moment | format('2024-03-01 00:00:00'), '-1440') ~ ' = ' ~ moment | format('2024-02-29 00:00:00'),
    'day 0 is 2000-01-01':
        day_number("cast('2000-01-01' as date)") ~ ' = 0',
    'a moment is of its day':
        day_number(moment | format('2026-09-30 23:59:59.999999')) ~ ' = 9769',
    'days before 2000 are negative':
        day_number("cast('1999-12-31' as date)") ~ ' = -1',
    'no day has no number':
        day_number("cast(null as date)") ~ ' is null',
    'a moment is finite':
        is_finite(moment | format('2026-01-01 00:00:00')),
    'the whole text has to match':
        'not ' ~ matches_regex(text | format('a1b'), '[a-z][0-9]'),
    'a text that matches':
        matches_regex(text | format('a1'), '[a-z][0-9]'),
    'one of two matches is the whole text':
        matches_regex(text | format('abc'), 'a|abc'),
    'a line break is a character like others':
        'not ' ~ matches_regex(text | format('a\n'), 'a'),
    'null matches nothing and is no mismatch':
        '(' ~ matches_regex(no_text, 'a') ~ ') is null',
    'microseconds between two moments':
        microseconds_between(moment | format('2026-01-01 00:00:00'), moment | format('2026-01-02 00:00:00.000001'))
        ~ ' = 86400000001',
    'microseconds of twenty years':
        microseconds_between(moment | format('2006-01-01 00:00:00'), moment | format('2026-01-01 00:00:00.5'))
        ~ ' = 631152000500000',
    'the first group of a text':
        regexp_group(text | format('a12b3'), '([0-9]+)') ~ " = '12'",
    'a text without it':
        'coalesce(' ~ regexp_group(text | format('ab'), '([0-9]+)') ~ ", 'null') = ''",
    'a group that took no part':
        'coalesce(' ~ regexp_group(text | format('ab'), 'ab([0-9]+)?') ~ ", 'null') = ''",
    'null has no parts':
        regexp_group(no_text, '([0-9]+)') ~ ' is null',
    'a decimal in units of its last place':
        to_units('cast(12.34 as decimal(5, 2))', 2) ~ ' = 1234',
    'a negative one':
        to_units('cast(-0.000001 as decimal(18, 6))', 6) ~ ' = -1',
    'no decimal is no whole number':
        to_units('cast(null as decimal(18, 6))', 6) ~ ' is null',
    'equal rows have equal hashes':
        row_hash([text | format('a'), no_text]) ~ ' = ' ~ row_hash([text | format('a'), no_text]),
    'every column counts':
        row_hash([text | format('a'), text | format('b')]) ~ ' <> '
        ~ row_hash([text | format('a'), text | format('c')]),
    'null is a value of its own':
        row_hash([text | format('a'), no_text]) ~ ' <> ' ~ row_hash([no_text, text | format('a')]),
    'so is nothing':
        row_hash([text | format(''), text | format('a')]) ~ ' <> ' ~ row_hash([no_text, text | format('a')]),
    'a pair that a select does not have':
        not_in("1, 'b'", "select 1, 'a'"),
    'a pair that it has':
        'not (' ~ not_in("1, 'a'", "select 1, 'a'") ~ ')',
    'hashes can be summed':
        row_hash([text | format('a')]) ~ ' + 0 = ' ~ row_hash([text | format('a')]),
} -%}
with

expectations as (

    {% for expectation, condition in expectations.items() %}
        select
            cast('{{ expectation }}' as {{ dbt.type_string() }}) as expectation,
            {{ condition }} as holds
        union all
    {% endfor %}
    -- Of three versions the newest; of two as new the one that is larger; null is smallest.
    select
        cast(
            'the newest of a key, with how many there were' as {{ dbt.type_string() }}
        ) as expectation,
        count(*) = 2
        and sum(
            case
                when key_name = 'a' and raw_rows = 3 and loaded = 2 and answer = 'y' then 1
                when key_name = 'b' and raw_rows = 2 and loaded = 1 and answer is null then 10
            end
        ) = 11 as holds
    from (
        {{ deduplicate(
            "(
                select 'a' as key_name, 1 as loaded, 'z' as answer
                union all
                select 'a' as key_name, 2 as loaded, null as answer
                union all
                select 'a' as key_name, 2 as loaded, 'y' as answer
                union all
                select 'b' as key_name, 1 as loaded, null as answer
                union all
                select 'b' as key_name, 0 as loaded, 'y' as answer
            ) as versions",
            ['key_name'],
            [{'name': 'loaded'}, {'name': 'answer', 'smallest': "''"}]
        ) }}
    ) as newest

)

select *
from expectations
where not coalesce(holds, false)
