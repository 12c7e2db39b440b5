{#-
    dbt's own statement, which only dbt clone uses here (a model goes by create_or_replace.sql), but
    that the view does not name the database it is in, and that it stays within a working file.
-#}
{% macro duckdb__create_view_as(relation, sql) -%}
    {%- if flags.WHICH == 'clone' and defer_relation and defer_relation.database != relation.database
        and not load_cached_relation(defer_relation) -%}
        {{ exceptions.raise_compiler_error(
            'dbt clone stays within a working file, and --state is of another one, '
            ~ defer_relation.database ~ ": copy that file, or clone with --vars 'schema_prefix: dev_'."
        ) }}
    {%- endif -%}
    {{ return(dbt.duckdb__create_view_as(
        relation, sql | replace('"' ~ relation.database ~ '".', '')
    )) }}
{%- endmacro %}
