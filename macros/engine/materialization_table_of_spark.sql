{#-
    dbt's own table, but that of plain files is built under another name and takes the old one's
    place when it is done: some models read what they were, and so may others while this one runs.
-#}
{% materialization table, adapter='spark' %}
    {%- if config.get('file_format') in ['delta', 'iceberg'] -%}
        {{ return(dbt.materialization_table_spark()) }}
    {%- endif -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set new = target_relation.incorporate(path={'identifier': this.identifier ~ '__new'}) -%}
    {{ run_hooks(pre_hooks) }}
    {%- do adapter.drop_relation(new) -%}
    {%- call statement('main') -%}
        {{ create_table_as(false, new, compiled_code) }}
    {%- endcall -%}
    {%- if existing -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- do adapter.rename_relation(new, target_relation) -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
