{#- True where a typed column is null and its raw cell was, too: nothing there, not something bad. -#}
{% macro is_missing(column) -%}
    ({{ column }} is null and not {{ is_bad(column) }})
{%- endmacro %}
