{#- The SQL type of a type of a contract: of the inputs (decimal) or of a table (varchar). -#}
{% macro contract_type(data_type) -%}
    {{ return({'decimal': 'decimal(18, 6)', 'varchar': dbt.type_string()}.get(data_type, data_type)) }}
{%- endmacro %}
