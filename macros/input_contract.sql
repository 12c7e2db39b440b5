{#-
    The contract of one raw input, from models/staging/_raw__sources.yml: a dict with `presence`
    and `columns` (name, data_type, key, required), in contract order.
    Only at execution, when dbt knows the sources.
-#}
{% macro input_contract(input_name) -%}
    {%- set found = [] -%}
    {%- for node in graph.sources.values() -%}
        {%- if node.source_name == 'raw' and node.name == input_name
            and node.package_name == project_name -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- for column in found[0].columns.values() -%}
        {%- set meta = column.get('config', {}).get('meta', {}) -%}
        {%- do columns.append({
            'name': column.name,
            'data_type': column.data_type,
            'key': meta.get('key', false),
            'required': meta.get('required', false) or meta.get('key', false),
        }) -%}
    {%- endfor -%}
    {{ return({'presence': found[0].config.meta.presence, 'columns': columns}) }}
{%- endmacro %}
