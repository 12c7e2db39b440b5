{#-
    Year-first dates and times as a timestamp in UTC: 2026-02-13, 2026/2/13 10:00,
    2026-02-13T10:00:00.5+05:30, with Z or UTC; null for anything else (13/02/2026, unix seconds,
    infinity, 30 February). Times without an offset are UTC.
-#}
{% macro text_to_timestamp(value) -%}
    {%- set clock = '([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?' -%}
    {%- set year = '([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])' -%}
    {%- set day = year ~ '(-[0-9]{1,2}-[0-9]{1,2}|/[0-9]{1,2}/[0-9]{1,2})' -%}
    {%- set utc = ' ?([zZ]|[uU][tT][cC])' -%}
    {%- set offset = ' ?[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?' -%}
    {%- set local = cast_or_null(
        "upper(replace(" ~ regexp_group(value, '^([0-9/-]+([Tt ][0-9:]+([.][0-9]{1,6})?)?)') ~ ", '/', '-'))",
        'timestamp'
    ) -%}
    {%- set hours = regexp_group(value, '[0-9] ?[+-]([0-9]{2}):?[0-9]{0,2}$') -%}
    {%- set minutes = regexp_group(value, '[0-9] ?[+-][0-9]{2}:?([0-9]{2})$') -%}
    case
        when {{ matches_regex(value, day ~ '([Tt ]' ~ clock ~ ')?(' ~ utc ~ ')?') }} then {{ local }}
        when {{ matches_regex(value, day ~ '[Tt ]' ~ clock ~ offset) }}
            then
                {{ add_minutes(
                    local,
                    "case when " ~ regexp_group(value, '[0-9] ?([+-])[0-9:]{2,5}$') ~ " = '-' then 1"
                    ~ " else -1 end * (60 * cast(" ~ hours ~ " as integer)"
                    ~ " + cast('0' || " ~ minutes ~ " as integer))"
                ) }}
    end
{%- endmacro %}
