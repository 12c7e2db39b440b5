{#-
    1 for the version of a key that wins among the valid rows: the newest updated_at (null oldest),
    then the newest loaded_at, then the largest row, column by column in contract order, null
    smallest. Rejected rows are numbered apart.
-#}
{% macro version_number(input_name) -%}
    {%- if execute -%}
    {%- set columns = input_contract(input_name).columns -%}
    {%- set names = columns | map(attribute='name') | list -%}
    row_number() over (
        partition by {{ (columns | selectattr('key') | first).name }}, rejection is null
        order by
            {%- if 'updated_at' in names %}
            updated_at desc nulls last,
            {%- endif %}
            loaded_at desc nulls last
            {%- for column in columns if not column.key and column.name != 'updated_at' %},
            {{ column.name }} desc nulls last
            {%- endfor %}
    )
    {%- endif -%}
{%- endmacro %}
