{#- True where the raw cell of that column held something that does not cast to its type. -#}
{% macro failed_to_cast(column) -%}
    (bad_cells is not null and bad_cells like '%,{{ column }},%')
{%- endmacro %}
