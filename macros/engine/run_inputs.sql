{#-
    What a run depends on besides its vars, none where the engine cannot tell. Looked up once a run;
    another `moment` looks again.
        raw_files   JSON of {raw file: version}
        code        hash of models and macros
        seeds       hash of the seeds
-#}
{% macro run_inputs(moment='start') -%}
    {{ return(adapter.dispatch('run_inputs', 'health_scoring')(moment)) }}
{%- endmacro %}

{% macro default__run_inputs(moment) -%}
    {{ return(none) }}
{%- endmacro %}

{% macro duckdb__run_inputs(moment) -%}
    {%- set raw_dir = env_var('HEALTH_RAW_DIR', 'sample_data') | replace("'", "''") -%}
    {%- set found = fromjson(run_query(
        "select run_inputs('" ~ raw_dir ~ "', '" ~ invocation_id ~ moment ~ "')"
    )[0][0]) -%}
    {{ return({
        'raw_files': tojson(found.raw_files, sort_keys=true),
        'code': found.code,
        'seeds': found.seeds,
    }) }}
{%- endmacro %}
