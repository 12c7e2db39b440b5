{#-
    A select of the rows of what was published so far, of nothing where nothing was. `below` is
    'status' for mart_status, nothing for what was said of accounts; `columns` is {name: type}.
    DuckDB: the Parquet files in $HEALTH_PUBLISH_DIR/log, which only customer-health refresh writes. Other
    engines have no such log.
-#}
{% macro published_log(columns, below='') -%}
    {{ return(adapter.dispatch('published_log', 'health_scoring')(columns, below)) }}
{%- endmacro %}

{% macro default__published_log(columns, below) -%}
    select
        {%- for name, type in columns.items() %}
        cast(null as {{ contract_type(type) }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
{%- endmacro %}

{% macro duckdb__published_log(columns, below) -%}
    {%- if not execute -%}{{ return(default__published_log(columns, below)) }}{%- endif -%}
    {#- Of the path only the end is a pattern, whatever the folders are called. -#}
    {%- set folder = env_var('HEALTH_PUBLISH_DIR', 'published')
        | replace('[', '[[]') | replace('*', '[*]') | replace('?', '[?]') -%}
    {%- set files = [folder, 'log', below, '*.parquet'] | select | join('/') | replace("'", "''") -%}
    {%- set found = run_query("select count(*) from glob('" ~ files ~ "')")[0][0] -%}
    {%- if not found -%}{{ return(default__published_log(columns, below)) }}{%- endif -%}
    select
        {%- for name, type in columns.items() %}
        cast({{ name }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from read_parquet('{{ files }}', union_by_name = true, hive_partitioning = false)
{%- endmacro %}
