-- Division is exact: half away from zero, never through a double, null without a denominator above
-- zero. A row here is a quotient that came out differently.
{% set cases = [
    ('62135', '1000', '62.14'),
    ('-62135', '1000', '-62.14'),
    ('62134', '1000', '62.13'),
    ('1', '3', '0.33'),
    ('2', '3', '0.67'),
    ('-1', '200', '-0.01'),
    ('1', '201', '0.00'),
    ('0', '7', '0.00'),
    ('5', '0', none),
    ('5', '-1', none),
    ('null', '5', none),
    ('5', 'null', none),
    ('124.27', '2', '62.14'),
    ('99999999999999999', '1', '99999999999999999.00'),
    ('0.005', '1', '0.01'),
    ('10.005', '1', '10.01'),
    ('1.115', '1', '1.12'),
    ('999999999999.9999', '3', '333333333333.33'),
    ('-999999999999.9999', '0.0001', '-9999999999999999.00'),
    ('1000000000000', '999999999999.9999', '1.00'),
    ('1000000000000', '3', '333333333333.33'),
    ('-1000000000000', '1000000000000', '-1.00'),
    ('4999999999.9999', '1000000000000', '0.00'),
    ('5000000000', '1000000000000', '0.01'),
] -%}
{% set small_cases = [
    ('62135', '1000', '62.14'),
    ('-62135', '1000', '-62.14'),
    ('-1', '200', '-0.01'),
    ('1', '201', '0.00'),
    ('5', '0', none),
    ('5', '-1', none),
    ('null', '5', none),
    ('5', 'null', none),
] -%}
with

quotients as (

    {% for numerator, denominator, expected in small_cases %}
        select
            '{{ numerator }} / {{ denominator }} as whole numbers' as division,
            {{ divide_int(
                'cast(' ~ numerator ~ ' as bigint)', 'cast(' ~ denominator ~ ' as bigint)', 2
            ) }} as found,
            cast({{ expected if expected is not none else 'null' }} as decimal(28, 2)) as expected
        union all
    {% endfor %}
    {% for numerator, denominator, expected in cases %}
        select
            '{{ numerator }} / {{ denominator }}' as division,
            {{ divide_exact(
                'cast(' ~ numerator ~ ' as decimal(28, 4))',
                'cast(' ~ denominator ~ ' as decimal(28, 4))', 2, 4
            ) }} as found,
            cast({{ expected if expected is not none else 'null' }} as decimal(28, 2)) as expected
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select *
from quotients
where
    (found is null) <> (expected is null)
    or found <> expected
