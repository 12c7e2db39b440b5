{#- Where the project looks for a raw input, in words. -#}
{% macro raw_place(input_name) -%}
    {{ return(adapter.dispatch('raw_place', 'customer_health')(input_name)) }}
{%- endmacro %}

{% macro duckdb__raw_place(input_name) -%}
    {{ return(
        'no *.parquet or *.csv in ' ~ env_var('HEALTH_RAW_DIR', 'sample_data') ~ '/' ~ input_name
        ~ ' (HEALTH_RAW_DIR says where the inputs are)'
    ) }}
{%- endmacro %}
