{#-
    The table or view of schema `raw` that holds a raw input:
        relation   none where there is none
        columns    {lower-case name: {name: as the engine has it, type: upper-case engine type}}
-#}
{% macro raw_table(input_name) -%}
    {%- set relation = adapter.get_relation(target.database or none, 'raw', input_name) -%}
    {%- set columns = {} -%}
    {%- if relation -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do columns.update({
                column.name | lower: {'name': column.name, 'type': column.data_type | upper}
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return({'relation': relation, 'columns': columns}) }}
{%- endmacro %}
