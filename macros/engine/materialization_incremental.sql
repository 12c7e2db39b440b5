{#-
    dbt's own incremental, but for two things: left as it is where nothing is new
    (macros/is_unchanged_run.sql), and new rows go straight into the table instead of over a temporary
    one, which would write them twice. Other models (macros/should_full_refresh.sql) make the table
    anew, so that its columns cannot have changed here.
-#}
{% materialization incremental, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or existing.is_view or should_full_refresh() -%}
        {{ return(create_or_replace('table', existing)) }}
    {%- endif -%}
    {%- set relations = {'relations': [this.incorporate(type='table')]} -%}
    {%- if is_unchanged_run() -%}
        {%- call noop_statement('main', 'nothing new', 'OK') -%}{%- endcall -%}
        {{ return(relations) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
    {%- set columns = get_quoted_csv(
        adapter.get_columns_in_relation(existing) | map(attribute='name')
    ) -%}
    {%- call statement('main') -%}
        insert into {{ this }} ({{ columns }})
        select {{ columns }} from (
            {{ sql }}
        ) as new_rows
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return(relations) }}
{% endmaterialization %}
