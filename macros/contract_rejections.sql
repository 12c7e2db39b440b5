{#-
    The first branches of a `case`: the reasons to reject a row that follow from the input contract
    alone, each as 'reason:column', in their order: missing_key, missing_account_id, missing_value,
    bad_value, out_of_time; within a reason in the order of the columns.
-#}
{% macro contract_rejections(input_name) -%}
    {%- if execute -%}
    {%- set columns = input_contract(input_name).columns -%}
    {%- set branches = {'missing_key': [], 'missing_account_id': [], 'missing_value': [],
        'bad_value': [], 'out_of_time': []} -%}
    {%- for column in columns -%}
        {%- set name, is_text = column.name, column.data_type == 'varchar' -%}
        {%- if column.required -%}
            {%- set reason = 'missing_key' if column.key
                else 'missing_account_id' if name == 'account_id' else 'missing_value' -%}
            {%- do branches[reason].append((
                name, name ~ ' is null' ~ ('' if is_text else ' and not ' ~ is_bad(name))
            )) -%}
        {%- endif -%}
        {%- if (column.required or column.strict) and not is_text -%}
            {%- do branches.bad_value.append((name, is_bad(name))) -%}
        {%- endif -%}
        {%- if column.data_type == 'timestamp' -%}
            {%- set too_early = name ~ " < timestamp '2000-01-01 00:00:00'" -%}
            {%- set too_late = name ~ " >= timestamp '" ~ run_date(2) ~ " 00:00:00'" -%}
            {%- do branches.out_of_time.append((
                name, too_early if column.may_lie_ahead else too_early ~ ' or ' ~ too_late
            )) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for reason, conditions in branches.items() -%}
        {%- for name, condition in conditions %}
            when {{ condition }} then '{{ reason }}:{{ name }}'
        {%- endfor -%}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
