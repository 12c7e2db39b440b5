{#-
    dbt's own clone, but that DuckDB gets tables, not views, over which no seed could be loaded, and
    keeps them: dbt commits views only.
-#}
{% materialization clone, adapter='duckdb' %}
    {%- if defer_relation and defer_relation.database != this.database
        and not load_cached_relation(defer_relation) -%}
        {{ exceptions.raise_compiler_error(
            'dbt clone stays within a working file, and --state is of another one, '
            ~ defer_relation.database ~ ": copy that file, or clone with --vars 'schema_prefix: dev_'."
        ) }}
    {%- endif -%}
    {%- set relations = dbt.materialization_clone_default() -%}
    {{ adapter.commit() }}
    {{ return(relations) }}
{% endmaterialization %}

{% macro duckdb__can_clone_table() -%}
    {{ return(true) }}
{%- endmacro %}

{% macro duckdb__create_or_replace_clone(this_relation, defer_relation) -%}
    create or replace table {{ this_relation }} as select * from {{ defer_relation }}
{%- endmacro %}
