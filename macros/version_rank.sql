{#-
    1 for the version of a key that wins among the valid rows: the newest updated_at (null oldest),
    then the newest loaded_at, then the largest row by `columns` in their order, null smallest.
    Rejected rows are numbered apart.
-#}
{% macro version_rank(key, columns, has_updated_at=true) -%}
    row_number() over (
        partition by {{ key }}, rejection is null
        order by
            {%- if has_updated_at %}
            updated_at desc nulls last,
            {%- endif %}
            loaded_at desc nulls last
            {%- for column in columns %},
            {{ column }} desc nulls last
            {%- endfor %}
    )
{%- endmacro %}
