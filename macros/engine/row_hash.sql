{#-
    A number that differs, but for chance, where any of the columns does; null is a value like any
    other. For comparing a row with its previous self on one engine: another engine, or another
    version of it, may give other numbers.
-#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'health_scoring')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as decimal(20, 0))
{%- endmacro %}

{% macro postgres__row_hash(columns) -%}
    cast(hash_record_extended(row({{ columns | join(', ') }}), 0) as decimal(20, 0))
{%- endmacro %}

{#- Spark passes nulls over; whether there is one is hashed with the value. -#}
{% macro spark__row_hash(columns) -%}
    cast(
        xxhash64(
            {%- for column in columns %}
            {{ column }}, {{ column }} is null{{ ',' if not loop.last }}
            {%- endfor %}
        ) as decimal(20, 0)
    )
{%- endmacro %}
