{#-
    True when the last run came to its end and nothing that it depended on is different: raw files,
    seeds, vars, models. Then every table is as this run would make it.
-#}
{% macro is_unchanged_run() -%}
    {%- if not execute or flags.FULL_REFRESH or is_empty_run() -%}{{ return(false) }}{%- endif -%}
    {%- set inputs = run_inputs() -%}
    {%- set row = run_record().row if inputs.raw_files else none -%}
    {{ return(
        row is not none
        and row.is_finished
        and row.raw_files == inputs.raw_files
        and row.code == inputs.code
        and row.configuration == run_configuration(inputs)
    ) }}
{%- endmacro %}
