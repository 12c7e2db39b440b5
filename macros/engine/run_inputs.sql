{#-
    What a run depends on besides its vars. Looked up once a run; another `moment` looks again.
        raw_files   JSON of {raw file: version}, empty where the engine cannot tell
        code        hash of models and macros
        seeds       hash of the seeds
-#}
{% macro run_inputs(moment='start') -%}
    {{ return(adapter.dispatch('run_inputs', 'health_scoring')(moment)) }}
{%- endmacro %}

{#- Raw tables have no version: no run finds that there is nothing new. -#}
{% macro default__run_inputs(moment) -%}
    {%- set code, seeds = [], [] -%}
    {%- for node in graph.nodes.values() if node.package_name == 'health_scoring' -%}
        {%- if node.resource_type == 'model' -%}
            {%- do code.append(node.name ~ node.checksum.checksum) -%}
        {%- elif node.resource_type == 'seed' -%}
            {%- do seeds.append(node.name ~ node.checksum.checksum) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, own in context['health_scoring'].items() -%}
        {%- do code.append(name ~ own.macro.macro_sql) -%}
    {%- endfor -%}
    {{ return({
        'raw_files': '',
        'code': local_md5(code | sort | join(' ')),
        'seeds': local_md5(seeds | sort | join(' ')),
    }) }}
{%- endmacro %}

{% macro duckdb__run_inputs(moment) -%}
    {{ return(fromjson(run_query("select run_inputs('" ~ invocation_id ~ moment ~ "')")[0][0])) }}
{%- endmacro %}
