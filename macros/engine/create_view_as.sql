{#-
    dbt's own statement, but that the view does not name the database it is in: DuckDB calls a database
    after its file, and the views would be lost in a copy of another name.
-#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {{ return(dbt.duckdb__create_view_as(
        relation, sql | replace('"' ~ relation.database ~ '".', '')
    )) }}
{%- endmacro %}
