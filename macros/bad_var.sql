{#- Stops the run: the var has a value it cannot have. -#}
{% macro bad_var(name, given, expected) -%}
    {{ exceptions.raise_compiler_error(
        "The var " ~ name ~ " is '" ~ given ~ "', but has to be " ~ expected
        ~ ". Mend it in --vars or dbt_project.yml and run again."
    ) }}
{%- endmacro %}
