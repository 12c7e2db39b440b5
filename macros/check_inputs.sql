{#-
    Run before anything is built: checks the vars, keeps --empty from a working file with rows, reads
    where every input is, lists all that is missing or broken at once and stops the run; warns about
    expected inputs that are absent. Files that an earlier run has read are not read again.
-#}
{% macro check_inputs() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- do check_vars() -%}
        {%- if nothing_new() -%}{{ return('') }}{%- endif -%}
        {%- set inputs, row = run_inputs(), run_record().row -%}
        {%- if is_empty_run() and row and row.code != 'empty' -%}
            {{ exceptions.raise_compiler_error(
                'There are tables already, which --empty would empty, and alerts would be forgotten.'
                ~ ' Name another file with HEALTH_WAREHOUSE and run again.'
            ) }}
        {%- endif -%}
        {%- set known = row.raw_files if row and row.code == inputs.code else '' -%}
        {%- set problems = [] -%}
        {%- for input_name in input_names() -%}
            {%- set table = raw_table(input_name, rows=true, known=known) -%}
            {%- set presence = input_contract(input_name).presence -%}
            {%- for problem in table.problems -%}
                {%- do problems.append(input_name ~ ': ' ~ problem) -%}
            {%- endfor -%}
            {%- if table.is_absent and presence == 'required' -%}
                {%- do problems.append(
                    input_name ~ ': required, but absent: ' ~ table.place
                ) -%}
            {%- elif table.is_absent and presence == 'expected' -%}
                {%- do exceptions.warn(
                    'Input ' ~ input_name ~ ' is absent: its metrics are null for every account'
                    ~ ' (' ~ table.place ~ ').'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error(
                'The raw inputs cannot be used, nothing was built:\n  - ' ~ problems | join('\n  - ')
                ~ '\nMend these and run again; customer-health check looks closer at a folder.'
            ) }}
        {%- endif -%}
        {%- if flags.WHICH in ('build', 'run') -%}{%- do write_run_record() -%}{%- endif -%}
    {%- endif -%}
{%- endmacro %}
