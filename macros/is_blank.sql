{#- True where a typed column is null and its raw cell was, too: nothing there, not something bad. -#}
{% macro is_blank(column) -%}
    ({{ column }} is null and not {{ failed_to_cast(column) }})
{%- endmacro %}
