{#- Each folder is a schema of its own name, with the optional var schema_prefix before it. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = var('schema_prefix') or '' -%}
    {%- if not modules.re.fullmatch('([a-z][a-z0-9_]{0,30})?', prefix | string) -%}
        {{ raise_invalid_var('schema_prefix', prefix, 'lower-case letters, digits and _, such as dev_') }}
    {%- endif -%}
    {{ prefix }}{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
