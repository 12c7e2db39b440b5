{#- dbt's own incremental, left as it is where nothing is new (macros/nothing_new.sql). -#}
{% materialization incremental, adapter='duckdb' %}
    {%- if load_cached_relation(this) and nothing_new() -%}
        {%- call noop_statement('main', 'nothing new', 'OK') -%}{%- endcall -%}
        {{ return({'relations': [this]}) }}
    {%- endif -%}
    {{ return(dbt.materialization_incremental_duckdb()) }}
{% endmaterialization %}
