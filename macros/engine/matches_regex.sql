{#- True where the whole text matches the regular expression; null for null. -#}
{% macro matches_regex(value, pattern) -%}
    {{ return(adapter.dispatch('matches_regex', 'health_scoring')(value, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches_regex(value, pattern) -%}
    regexp_full_match({{ value }}, '{{ pattern }}')
{%- endmacro %}

{% macro postgres__matches_regex(value, pattern) -%}
    ({{ value }} ~ '^(?:{{ pattern }})$')
{%- endmacro %}

{#- In Java a `$` also matches before a line break at the end. -#}
{% macro spark__matches_regex(value, pattern) -%}
    ({{ value }} rlike '^(?:{{ pattern }})(?!(?s:.))')
{%- endmacro %}
