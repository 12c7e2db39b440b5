{#- A timestamp shifted by a whole number of minutes. -#}
{% macro add_minutes(value, minutes) -%}
    {{ return(adapter.dispatch('add_minutes', 'health_scoring')(value, minutes)) }}
{%- endmacro %}

{% macro default__add_minutes(value, minutes) -%}
    {{ value }} + ({{ minutes }}) * interval '1 minute'
{%- endmacro %}

{% macro spark__add_minutes(value, minutes) -%}
    timestampadd(minute, {{ minutes }}, {{ value }})
{%- endmacro %}
