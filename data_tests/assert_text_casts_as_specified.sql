-- What text becomes as a timestamp, whole number, decimal or boolean, on any engine. A row here is
-- a text that is read differently from what the input contract says.
{% set cases = {
    'timestamp': {
        '2026-02-13': '2026-02-13 00:00:00',
        '2026/2/3': '2026-02-03 00:00:00',
        '2026-02-13 10:00': '2026-02-13 10:00:00',
        '2026-02-13T10:00:00Z': '2026-02-13 10:00:00',
        '2026-02-13 10:00:00 utc': '2026-02-13 10:00:00',
        '2026-02-13T10:00:00+05:30': '2026-02-13 04:30:00',
        '2026-02-13 10:00:00 -0530': '2026-02-13 15:30:00',
        '2026-02-13T10:00:00.25+01': '2026-02-13 09:00:00.25',
        '2026-02-13 10:00:00.1234569': '2026-02-13 10:00:00.123456',
        '2026-01-01 00:30:00+01:00': '2025-12-31 23:30:00',
        '2024-02-29': '2024-02-29 00:00:00',
        '2026-02-13 10:00:00.12345678901': '2026-02-13 10:00:00.123456',
        '2026-02-13t10:00:00z': '2026-02-13 10:00:00',
        '0000-01-01': none, '0001-01-01': '0001-01-01 00:00:00', '2026-02-29': none, '2026-02-30': none, '2026-13-01': none, '2026-00-10': none,
        '13/02/2026': none, '02-13-2026': none, '2026-02/13': none, '2026-02-13-05': none,
        '2026-02-13 24:00:00': none, '2026-02-13 10:60': none, '2026-02-13 10': none,
        '1739440800': none, '20260213': none, 'infinity': none, '-infinity': none, 'now': none,
        'epoch': none, '2026-02-13 10:00:00 CET': none, '2026-02-13T10:00:00+24:00': none,
        '2026-02-13 x': none,
    },
    'integer': {
        '10': '10', '10.0': '10', '+7': '7', '-3': '-3', '007': '7', '2147483647': '2147483647',
        '10.5': none, '1e3': none, 'ten': none, '1,000': none, '2147483648': none, 'NaN': none,
        '0x10': none, '10.': none, '.0': none, '1_000': none,
    },
    'decimal': {
        '10': '10', '10.5': '10.5', '.5': '0.5', '-0.0000005': '-0.000001', '1e3': '1000',
        '62.1355555': '62.135556', '999999999999.999999': '999999999999.999999',
        '999999999999.9999995': none, '1e12': none, '1e308': none,
        '5.551115123125783e-17': '0', '5e-7': '0.000001', '4.9e-7': '0', '-1.25E+3': '-1250',
        '12345678901234567890e-10': '1234567890.123457', '9999999999999e-1': '999999999999.9',
        '8.00230055215e+12': none, '7.59525559109095992919401005431222304e11': '759525559109.095993',
        '.5e1': '5', '5.e1': '50', '0e0': '0', '1e-1000': none, '1e999': none, 'NaN': none,
        'inf': none, 'Infinity': none, '1,5': none, '1,000.00': none, '$5': none, '5 %': none,
        '1_000': none, '0x1F': none, '--1': none, '1e': none,
    },
    'boolean': {
        'true': 'true', 'TRUE': 'true', '1': 'true', 'Yes': 'true', 'false': 'false', '0': 'false',
        'no': 'false', 't': none, 'y': none, '2': none, '1.0': none, 'on': none,
    },
} -%}
{% set types = {
    'timestamp': 'timestamp', 'integer': 'integer', 'decimal': 'decimal(18, 6)',
    'boolean': 'boolean',
} -%}
{% set text_type = dbt.type_string() -%}
{% set no_text = 'cast(null as ' ~ text_type ~ ')' -%}
with

cases as (

    {% for type, texts in cases.items() %}
        {% set last_type = loop.last %}
        {% for text, expected in texts.items() %}
            select
                '{{ type }}' as type_name,
                '{{ text }}' as cell,
                {{ "'" ~ expected ~ "'" if expected is not none else no_text }}
                    as expected
            {% if not (loop.last and last_type) %}
                union all
            {% endif %}
        {% endfor %}
    {% endfor %}

),

read_cells as (

    select
        *,
        {{ text_to_timestamp('cell') }} as timestamp_value,
        {{ text_to_integer('cell') }} as integer_value,
        {{ text_to_decimal('cell') }} as decimal_value,
        {{ text_to_boolean('cell') }} as boolean_value
    from cases

)

{% for type in cases %}
    select
        type_name,
        cell,
        expected,
        cast({{ type }}_value as {{ text_type }}) as found
    from read_cells
    where
        type_name = '{{ type }}'
        and (
            ({{ type }}_value is null) <> (expected is null)
            or {{ type }}_value <> {{ cast_or_null(
                "case when type_name = '" ~ type ~ "' then expected end", types[type]
            ) }}
        )
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}
