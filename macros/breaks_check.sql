{#-
    True where a cell fails a check of the test `table_checks`. Null breaks not_null only.

    not_null: true                the cell is not blank
    accepted_values: [a, b]       it is one of these texts
    at_least, above, at_most: n   it is a number within this bound
    plain_name: true              small letters, digits and underscores, a letter first: a name that
                                  SQL, file names and addresses take as it is
    free_name: true               a name as it is received, that does not look like SQL and has no
                                  white space but the plain one, which would make another name of it
    clean_text: ours | received   a text that people, spreadsheets and SQL read alike: no white space
                                  at its ends, no invisible character, no Jinja brace, no quote in
                                  front; in our own words no first character that makes a formula
    references: {to: ref('a'), field: b}    it is in that column of that table
-#}
{% macro breaks_check(column, kind, wanted) -%}
    {%- if kind == 'not_null' and wanted is sameas true -%}
        {{ column }} is null
    {%- elif kind == 'accepted_values' and wanted is sequence and wanted is not string -%}
        {{ column }} not in (
            {%- for value in wanted -%}
                '{{ value | string | replace("'", "''") }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
    {%- elif kind == 'at_least' and wanted is number -%}
        {{ column }} < {{ wanted }}
    {%- elif kind == 'above' and wanted is number -%}
        {{ column }} <= {{ wanted }}
    {%- elif kind == 'at_most' and wanted is number -%}
        {{ column }} > {{ wanted }}
    {%- elif kind == 'plain_name' and wanted is sameas true -%}
        not {{ matches_regex(column, '[a-z][a-z0-9_]*') }}
    {%- elif kind == 'free_name' and wanted is sameas true -%}
        not {{ matches_regex(column, '[^;' ~ white_space()[1:] ~ ']*') }}
        or {{ column }} like '--%'
        or {{ column }} like '% --%'
        or {{ column }} like '%''--%'
        or {{ column }} like '%/*%'
    {%- elif kind == 'clean_text' and wanted in ['ours', 'received'] -%}
        {%- set unseen = (
            '\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2060\ufeff'
        ) -%}
        {{ column }} <> {{ trim_text(column) }}
        or not {{ matches_regex(column, '[^' ~ unseen ~ ']*') }}
        or substr({{ column }}, 1, 1) in ('''', '"'
            {%- if wanted == 'ours' %}, '=', '+', '-', '@'{% endif -%}
        )
        {%- for brace in ['{' ~ '{', '{' ~ '%', '{' ~ '#', '}' ~ '}', '%' ~ '}', '#' ~ '}'] %}
        or {{ column }} <> replace({{ column }}, '{{ brace }}', '')
        {%- endfor -%}
    {%- elif kind == 'references' and wanted is mapping -%}
        {{ column }} not in (
            select {{ wanted['field'] }} from {{ wanted['to'] }} where {{ wanted['field'] }} is not null
        )
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            'table_checks: ' ~ kind ~ ': ' ~ wanted ~ ' is no check; macros/breaks_check.sql lists them'
        ) }}
    {%- endif -%}
{%- endmacro %}
