{#- The first group of the first match of a regular expression in a text; '' where it has none. -#}
{% macro part_of(value, pattern) -%}
    {{ return(adapter.dispatch('part_of', 'health_scoring')(value, pattern)) }}
{%- endmacro %}

{% macro duckdb__part_of(value, pattern) -%}
    regexp_extract({{ value }}, '{{ pattern }}', 1)
{%- endmacro %}

{% macro postgres__part_of(value, pattern) -%}
    case when {{ value }} is not null then coalesce(substring({{ value }} from '{{ pattern }}'), '') end
{%- endmacro %}

{% macro spark__part_of(value, pattern) -%}
    regexp_extract({{ value }}, '{{ pattern }}', 1)
{%- endmacro %}
