{#-
    The blanked cells of a row as ',column:reason,column:reason,', null when there are none.
    `issues` maps the column to the name of the column that holds its reason (null: no fault).
-#}
{% macro cell_issues(columns) -%}
    case
        when coalesce(
            {%- for column in columns %}{{ column }}_issue{{ ', ' if not loop.last }}{% endfor -%}
            {%- if columns | length == 1 %}, null{% endif -%}
        ) is not null
            then
                ','
                {%- for column in columns %}
                || coalesce('{{ column }}:' || {{ column }}_issue || ',', '')
                {%- endfor %}
    end
{%- endmacro %}
