{#- True where a timestamp is a moment, not an infinity; null for null. -#}
{% macro is_finite(value) -%}
    {{ return(adapter.dispatch('is_finite', 'health_scoring')(value)) }}
{%- endmacro %}

{% macro default__is_finite(value) -%}
    isfinite({{ value }})
{%- endmacro %}

{#- Spark has no infinite timestamps. -#}
{% macro spark__is_finite(value) -%}
    ({{ value }} is not null)
{%- endmacro %}
