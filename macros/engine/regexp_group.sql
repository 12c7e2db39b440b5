{#- The first group of the first match of a regular expression in a text; '' where it has none. -#}
{% macro regexp_group(value, pattern) -%}
    {{ return(adapter.dispatch('regexp_group', 'health_scoring')(value, pattern)) }}
{%- endmacro %}

{% macro duckdb__regexp_group(value, pattern) -%}
    regexp_extract({{ value }}, '{{ pattern }}', 1)
{%- endmacro %}

{% macro postgres__regexp_group(value, pattern) -%}
    case when {{ value }} is not null then coalesce(substring({{ value }} from '{{ pattern }}'), '') end
{%- endmacro %}

{% macro spark__regexp_group(value, pattern) -%}
    regexp_extract({{ value }}, '{{ pattern }}', 1)
{%- endmacro %}
