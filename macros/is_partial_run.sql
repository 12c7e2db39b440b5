{#-
    True when this run builds a kept table, but not every model that it is made of: what it keeps
    then cannot be told from what a whole run would keep. Such a table is built anew, and so are all
    of them in the next run.
-#}
{% macro is_partial_run() -%}
    {%- set found = [] -%}
    {%- for name in selected_resources if name in graph.nodes -%}
        {%- if graph.nodes[name].config.materialized == 'incremental' -%}
            {%- do found.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {#- The list grows while it is gone through. -#}
    {%- for name in found -%}
        {%- if name not in selected_resources -%}{{ return(true) }}{%- endif -%}
        {%- for other in graph.nodes[name].depends_on.nodes
            if other.startswith('model.') and other not in found -%}
            {%- do found.append(other) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
