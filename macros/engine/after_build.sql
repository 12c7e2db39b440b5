{#- What an engine needs after a table is built: nothing on most. -#}
{% macro after_build(relation) -%}
    {{ return(adapter.dispatch('after_build', 'health_scoring')(relation)) }}
{%- endmacro %}

{% macro default__after_build(relation) -%}{%- endmacro %}

{#- PostgreSQL plans a join by what it knows of the tables; of a new one it knows nothing. -#}
{% macro postgres__after_build(relation) -%}
    {%- if relation.type != 'view' -%}analyze {{ relation }}{%- endif -%}
{%- endmacro %}
