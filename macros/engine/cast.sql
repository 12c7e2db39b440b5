{#- dbt's own cast, but that Spark has no varchar without a length. -#}
{% macro spark__cast(expression, data_type) -%}
    cast({{ expression }} as {{ contract_type(data_type) }})
{%- endmacro %}
