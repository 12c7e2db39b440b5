{#-
    A select that keeps one row per key: the largest by `columns`, compared in that order, and in
    raw_rows how many rows there were. `columns` is a list of {name, smallest}: a value that is
    below every other one stands in for null while comparing (none: never null). Keys are not null.
    DuckDB: nearly all keys are there once, so those are looked for first, by a hash of the key that
    holds less memory, and only the others are compared; two keys of one hash are compared each with
    its own. In hash aggregates, which spill: numbering the rows would sort all of them. Reading the
    rows again takes less than keeping them.
-#}
{% macro deduplicate(relation, keys, columns) -%}
    {{ return(adapter.dispatch('deduplicate', 'health_scoring')(relation, keys, columns)) }}
{%- endmacro %}

{% macro duckdb__deduplicate(relation, keys, columns) -%}
    with

    versions as not materialized (

        select
            *,
            hash({{ keys | join(', ') }}) as key_hash
        from {{ relation }}

    ),

    repeated as (

        select key_hash
        from versions
        group by key_hash
        having count(*) > 1

    ),

    newest_of_repeated as (

        select
            {%- for key in keys %}
            versions.{{ key }},
            {%- endfor %}
            count(*) as raw_rows,
            max(struct_pack(
                {%- for column in columns %}
                {{ column.name }} := {% if column.smallest -%}
                    coalesce(versions.{{ column.name }}, {{ column.smallest }})
                {%- else -%}
                    versions.{{ column.name }}
                {%- endif -%}
                {{ ',' if not loop.last }}
                {%- endfor %}
            )) as newest
        from versions
        inner join repeated
            on versions.key_hash = repeated.key_hash
        group by
            {%- for key in keys %}
            versions.{{ key }}{{ ',' if not loop.last }}
            {%- endfor %}

    )

    select
        {%- for key in keys %}
        versions.{{ key }},
        {%- endfor %}
        1 as raw_rows
        {%- for column in columns %},
        versions.{{ column.name }}
        {%- endfor %}
    from versions
    left join repeated
        on versions.key_hash = repeated.key_hash
    where repeated.key_hash is null

    union all

    select
        {{ keys | join(', ') }},
        raw_rows
        {%- for column in columns %},
        {% if column.smallest -%}
        nullif(newest.{{ column.name }}, {{ column.smallest }}) as {{ column.name }}
        {%- else -%}
        newest.{{ column.name }}
        {%- endif -%}
        {%- endfor %}
    from newest_of_repeated
{%- endmacro %}

{% macro postgres__deduplicate(relation, keys, columns) -%}
    select
        {{ keys | join(', ') }},
        raw_rows
        {%- for column in columns %},
        {{ column.name }}
        {%- endfor %}
    from (
        select
            *,
            count(*) over (partition by {{ keys | join(', ') }}) as raw_rows,
            row_number() over (
                partition by {{ keys | join(', ') }}
                order by
                    {%- for column in columns %}
                    {{ column.name }} desc nulls last{{ ',' if not loop.last }}
                    {%- endfor %}
            ) as place
        from {{ relation }}
    ) as placed
    where place = 1
{%- endmacro %}

{#- Spark: null is the smallest value of a struct's field as it is. -#}
{% macro spark__deduplicate(relation, keys, columns) -%}
    select
        {{ keys | join(', ') }},
        raw_rows
        {%- for column in columns %},
        newest.{{ column.name }}
        {%- endfor %}
    from (
        select
            {{ keys | join(', ') }},
            count(*) as raw_rows,
            max(struct({{ columns | map(attribute='name') | join(', ') }})) as newest
        from {{ relation }}
        group by {{ keys | join(', ') }}
    ) as grouped
{%- endmacro %}
