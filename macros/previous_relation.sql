{#-
    The table of a model as the last run left it, none where there is none: for what a run has to
    know of a model whose turn comes later. The lineage does not show it. Not while parsing.
-#}
{% macro previous_relation(model_name) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() -%}
            {%- if node.resource_type == 'model' and node.name == model_name
                and node.package_name == project_name -%}
                {{ return(adapter.get_relation(node.database, node.schema, node.alias)) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
