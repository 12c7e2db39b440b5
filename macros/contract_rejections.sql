{#-
    The first branches of a `case`: the reasons to reject a row that follow from the input contract
    alone, in their order: missing_key, missing_account_id, missing_value, bad_value, out_of_time.
-#}
{% macro contract_rejections(input_name) -%}
    {%- if execute -%}
    {%- set columns = input_contract(input_name).columns -%}
    {%- set missing, bad, out_of_time = [], [], [] -%}
    {%- for column in columns -%}
        {%- if column.required and not column.key and column.name != 'account_id' -%}
            {%- do missing.append(
                column.name ~ ' is null' if column.data_type == 'varchar'
                else '(' ~ column.name ~ ' is null and not ' ~ is_bad(column.name) ~ ')'
            ) -%}
        {%- endif -%}
        {%- if (column.required or column.strict) and column.data_type != 'varchar' -%}
            {%- do bad.append(is_bad(column.name)) -%}
        {%- endif -%}
        {%- if column.data_type == 'timestamp' -%}
            {%- do out_of_time.append(column.name ~ " < timestamp '2000-01-01 00:00:00'") -%}
            {%- if not column.may_lie_ahead -%}
                {%- do out_of_time.append(
                    column.name ~ " >= timestamp '" ~ run_date(2) ~ " 00:00:00'"
                ) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    when {{ (columns | selectattr('key') | first).name }} is null then 'missing_key'
    {% if not (columns | selectattr('key') | first).name == 'account_id' -%}
    when account_id is null then 'missing_account_id'
    {% endif -%}
    when {{ missing | join(' or ') }} then 'missing_value'
    when {{ bad | join(' or ') }} then 'bad_value'
    when {{ out_of_time | join(' or ') }} then 'out_of_time'
    {%- endif -%}
{%- endmacro %}
