{#- Stops the run: the var has a value it cannot have. -#}
{% macro raise_invalid_var(name, given, expected) -%}
    {%- set variable = ['HEALTH_' ~ name | upper] if name in ['run_date', 'as_of_date'] else [] -%}
    {{ exceptions.raise_compiler_error(
        "The var " ~ name ~ " is '" ~ given ~ "', but has to be " ~ expected
        ~ ". Fix it in " ~ (['--vars'] + variable + ['dbt_project.yml']) | join(' or ')
        ~ " and run again."
    ) }}
{%- endmacro %}
