{#- The components that metrics belong to, in the order they are shown. -#}
{% macro components() -%}
    {{ return(['adoption', 'engagement', 'support', 'sentiment', 'revenue', 'renewal']) }}
{%- endmacro %}
