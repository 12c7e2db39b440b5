{#-
    The SQL that takes the rows out of a table for which the condition holds; without one, all of
    them. For a pre-hook: what it returns is run there.
-#}
{% macro delete_rows(relation, condition=none) -%}
    {{ return(adapter.dispatch('delete_rows', 'health_scoring')(relation, condition)) }}
{%- endmacro %}

{% macro default__delete_rows(relation, condition) -%}
    delete from {{ relation }}
    {%- if condition %}
    where {{ condition }}
    {%- endif %}
{%- endmacro %}

{#-
    Spark deletes rows from Delta and Iceberg tables only. A table of plain files is written again
    with the rows that stay, by way of another one, as a table that is read cannot be overwritten.
-#}
{% macro spark__delete_rows(relation, condition) -%}
    {%- if config.get('file_format') in ['delta', 'iceberg'] -%}
        {{ return(default__delete_rows(relation, condition)) }}
    {%- endif -%}
    {%- if not condition -%}
        {{ return('truncate table ' ~ relation) }}
    {%- endif -%}
    {%- set kept = relation.incorporate(path={'identifier': relation.identifier ~ '__kept'}) -%}
    {%- do run_query('drop table if exists ' ~ kept) -%}
    {%- do run_query(
        'create table ' ~ kept ~ file_format_clause() ~ ' as select * from ' ~ relation
        ~ ' where not ((' ~ condition ~ ') <=> true)'
    ) -%}
    {%- do run_query('insert overwrite table ' ~ relation ~ ' select * from ' ~ kept) -%}
    drop table {{ kept }}
{%- endmacro %}
