{#- The SQL type of a type of the input contract. -#}
{% macro contract_type(data_type) -%}
    {{ return('decimal(18, 6)' if data_type == 'decimal' else data_type) }}
{%- endmacro %}
