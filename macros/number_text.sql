{#- A number as people write it, rounded half away from zero to at most `places` decimals (at least
    1), without idle zeros: 11.40 as 11.4, 30.00 as 30. Null for null. -#}
{% macro number_text(value, places) -%}
    trim(trailing '.' from trim(trailing '0' from cast(
        cast({{ value }} as decimal(28, {{ places }})) as {{ dbt.type_string() }}
    )))
{%- endmacro %}
