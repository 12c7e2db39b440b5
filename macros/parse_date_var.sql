{#-
    run_date or as_of_date as a Python date, none when it is not given; stops when it is no YYYY-MM-DD.
-#}
{% macro parse_date_var(name) -%}
    {%- set given = given_date(name) -%}
    {%- if given in ('', 'None') -%}{{ return(none) }}{%- endif -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', given) -%}
        {{ raise_invalid_var(name, given, 'a date such as 2026-09-30') }}
    {%- endif -%}
    {%- set parts = given.split('-') -%}
    {%- set year, month, day = parts[0] | int, parts[1] | int, parts[2] | int -%}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {%- if year < 2000 or year > 2999 or month < 1 or month > 12 or day < 1
        or day > lengths[month - 1] -%}
        {{ raise_invalid_var(name, given, 'a day of the calendar from 2000 on, such as 2026-09-30') }}
    {%- endif -%}
    {{ return(modules.datetime.date(year, month, day)) }}
{%- endmacro %}
