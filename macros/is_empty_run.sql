{#- True where --empty asks for tables without rows. -#}
{% macro is_empty_run() -%}
    {{ return(invocation_args_dict.get('empty') is sameas true) }}
{%- endmacro %}
