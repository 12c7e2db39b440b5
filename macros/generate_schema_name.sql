{#- Each folder is a schema of its own name, with the optional var schema_prefix before it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('schema_prefix') or '' }}{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
