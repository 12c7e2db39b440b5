{#- The 'reason' or the 'column' of a rejection written 'reason:column'; null where there is none. -#}
{% macro rejection_part(part) -%}
    {{ dbt.split_part('rejection', "':'", 1 if part == 'reason' else 2) }}
{%- endmacro %}
