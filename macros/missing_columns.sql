{#-
    The required columns of the contract that a place (a file or table, with the lower-case names
    of its columns) does not have, as a list of sentences.
-#}
{% macro missing_columns(input_name, places) -%}
    {%- set problems = [] -%}
    {%- for place in places -%}
        {%- for column in input_contract(input_name).columns -%}
            {%- if column.required and column.name not in place.columns -%}
                {%- do problems.append(
                    input_name ~ ': column ' ~ column.name ~ ' is missing in ' ~ place.path
                    ~ ' (found: ' ~ place.columns | sort | join(', ') | truncate(200) ~ ').'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}
