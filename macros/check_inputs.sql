{#-
    Run before anything is built: checks the vars, keeps --empty from a working file with rows, looks
    for every input, lists all that is missing or broken at once and stops the run; warns about
    expected inputs that are absent.
-#}
{% macro check_inputs() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- do check_vars() -%}
        {%- if is_unchanged_run() -%}{{ return('') }}{%- endif -%}
        {%- set inputs, row = run_inputs(), run_record().row -%}
        {%- if is_empty_run() and row and row.code != 'empty' -%}
            {{ exceptions.raise_compiler_error(
                'There are tables already, which --empty would empty, and alerts would be forgotten.'
                ~ ' Name another file with HEALTH_WAREHOUSE and run again.'
            ) }}
        {%- endif -%}
        {%- set problems = [] -%}
        {%- for input_name in input_names() -%}
            {%- set table, source = raw_table(input_name), raw_source(input_name) -%}
            {%- set contract = input_contract(input_name) -%}
            {%- for problem in source.problems -%}
                {%- do problems.append(input_name ~ ': ' ~ problem) -%}
            {%- endfor -%}
            {%- for column in contract.columns if table.relation and column.required -%}
                {%- if column.name not in table.columns -%}
                    {%- do problems.append(
                        input_name ~ ': raw.' ~ input_name ~ ': no column ' ~ column.name
                    ) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- if table.relation or source.problems -%}
            {%- elif contract.presence == 'required' -%}
                {%- do problems.append(
                    input_name ~ ': required, but absent: ' ~ source.place
                ) -%}
            {%- elif contract.presence == 'expected' -%}
                {%- do exceptions.warn(
                    'Input ' ~ input_name ~ ' is absent: its metrics are null for every account'
                    ~ ' (' ~ source.place ~ ').'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error(
                'The raw inputs cannot be used, nothing was built:\n  - ' ~ problems | join('\n  - ')
                ~ '\nFix these and run again; customer-health check looks closer at a folder.'
            ) }}
        {%- endif -%}
        {%- if flags.WHICH in ('build', 'run') -%}{%- do write_run_record() -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}
