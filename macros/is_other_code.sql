{#-
    True when the kept tables were made by other models or macros than those of now, or nobody knows:
    then nothing is kept. Where the engine cannot tell, a new version needs --full-refresh.
-#}
{% macro is_other_code() -%}
    {%- set inputs = run_inputs() if execute else none -%}
    {%- if not inputs -%}{{ return(false) }}{%- endif -%}
    {%- set row = run_record().row -%}
    {{ return(row is none or row.code != inputs.code) }}
{%- endmacro %}
