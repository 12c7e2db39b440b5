{#- What a run needs of an engine before it builds: nothing on most. -#}
{% macro prepare_engine() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {{ return(adapter.dispatch('prepare_engine', 'health_scoring')()) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__prepare_engine() -%}{%- endmacro %}

{#-
    PostgreSQL: text has to be ordered by its bytes, as on every other engine; and the cast that
    cannot be asked beforehand in one expression (cast_or_null.sql).
-#}
{% macro postgres__prepare_engine() -%}
    {%- set order = run_query(
        "select string_agg(letter, '' order by letter)"
        " from (values ('a'), ('B'), ('_'), ('\u00e9'), ('1')) as letters (letter)"
    )[0][0] -%}
    {%- if order != '1B_a\u00e9' -%}
        {{ exceptions.raise_compiler_error(
            'The database orders text in a way of its own (' ~ order ~ '), so that ties would fall'
            ~ ' otherwise than elsewhere. Make one that orders it by its bytes: createdb'
            ~ ' --template template0 --encoding UTF8 --lc-collate C --lc-ctype C health'
        ) }}
    {%- endif -%}
    {%- set schema = generate_schema_name('staging') | trim -%}
    {%- do adapter.create_schema(api.Relation.create(database=target.database, schema=schema)) -%}
    {%- do run_query(
        "create or replace function " ~ schema ~ ".timestamp_or_null(value text) returns timestamp"
        " language sql stable parallel safe as $$
            select case
                when value !~ '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T].*)?$' then null
                when cast(split_part(value, '-', 2) as integer) not between 1 and 12 then null
                when
                    cast(substring(value from '^[0-9]+-[0-9]+-([0-9]+)') as integer)
                    between 1 and extract(day from (
                        make_date(
                            cast(split_part(value, '-', 1) as integer),
                            cast(split_part(value, '-', 2) as integer), 1
                        ) + interval '1 month - 1 day'
                    ))
                    then cast(value as timestamp)
            end
        $$"
    ) -%}
{%- endmacro %}
