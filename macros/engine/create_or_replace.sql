{#-
    What a DuckDB materialization does to make its relation anew, in one statement: `type` is table
    or view, `existing` what is there, if anything. dbt's own way takes five, which is most of the
    time of a small table. Whoever reads the old table meanwhile, also the model itself, sees all of
    it. Returns what a materialization returns.
-#}
{% macro create_or_replace(type, existing) -%}
    {%- set relation = this.incorporate(type=type) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing and existing.type != type -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- set query = sql -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
        {%- set query = get_select_subquery(sql) if type == 'table' else sql -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {%- if type == 'view' -%}
            {#- DuckDB calls a database after its file: a view that named it would be lost in a copy. -#}
            create or replace view {{ relation }} as (
                {{ query | replace('"' ~ relation.database ~ '".', '') }}
            )
        {%- else -%}
            create or replace table {{ relation }} as (
                {{ query }}
            )
        {%- endif -%}
    {%- endcall -%}
    {%- do persist_docs(relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}
