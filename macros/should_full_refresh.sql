{#-
    True when the kept tables are built anew: when --full-refresh or --empty asks for it, when they were made by
    other models or macros than those of now, or nobody knows. Takes the place of dbt's macro of this
    name, for seeds too.
-#}
{% macro should_full_refresh() -%}
    {%- if not execute or flags.FULL_REFRESH -%}{{ return(flags.FULL_REFRESH) }}{%- endif -%}
    {%- if is_empty_run() -%}{{ return(true) }}{%- endif -%}
    {%- set row = run_record().row -%}
    {{ return(row is none or row.code != run_inputs().code) }}
{%- endmacro %}
