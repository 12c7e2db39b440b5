{#-
    run_date or as_of_date as it was given, as text: by --vars, else by the environment variable
    HEALTH_RUN_DATE or HEALTH_AS_OF_DATE, else by the var of the project. A change of --vars makes
    dbt read the whole project anew; the variables are read only while a run executes, and do not.
    A unit test has dates of its own.
-#}
{% macro given_date(name) -%}
    {%- set given = var(name, '') | string | trim -%}
    {%- if not execute or (model and model.resource_type == 'unit_test') -%}
        {{ return(given) }}
    {%- endif -%}
    {%- set vars = invocation_args_dict.get('vars') -%}
    {%- if vars is mapping and name in vars -%}{{ return(given) }}{%- endif -%}
    {{ return(env_var('HEALTH_' ~ name | upper, given) | trim) }}
{%- endmacro %}
