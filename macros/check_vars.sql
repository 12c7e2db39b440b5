{#- Stops the run when a var of --vars is none of the project's, or has a value it cannot have. -#}
{% macro check_vars() -%}
    {%- set known = [
        'as_of_date', 'history_weeks', 'published_driver_weeks', 'run_date', 'schema_prefix'
    ] -%}
    {%- set given = invocation_args_dict.get('vars') -%}
    {#- As a package of another project, vars are that project's affair. -#}
    {%- if given is mapping and project_name == 'health_scoring' -%}
        {%- for name in given if name not in known -%}
            {{ exceptions.raise_compiler_error(
                "There is no var '" ~ name ~ "': the vars are " ~ known | join(', ')
                ~ ". Fix it in --vars and run again."
            ) }}
        {%- endfor -%}
    {%- endif -%}
    {%- do parse_count_var('history_weeks', 0, 1000) -%}
    {%- do parse_count_var('published_driver_weeks', 0, 1000) -%}
    {%- set as_of = parse_date_var('as_of_date') -%}
    {%- if as_of and as_of.isoformat() > run_date() -%}
        {{ raise_invalid_var('as_of_date', as_of, 'at most the run date, ' ~ run_date()) }}
    {%- endif -%}
{%- endmacro %}
