{#-
    Run before anything is built: reads where every input is, lists all that is missing or broken
    at once and stops the run; warns about expected inputs that are absent.
-#}
{% macro check_inputs() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test') -%}
        {%- do parse_count_var('history_weeks', 0, 1000) -%}
        {%- set as_of = parse_date_var('as_of_date') -%}
        {%- if as_of and as_of.isoformat() > run_date() -%}
            {{ bad_var('as_of_date', as_of, 'at most the run date, ' ~ run_date()) }}
        {%- endif -%}
        {%- set problems = [] -%}
        {%- for input_name in input_names() -%}
            {%- set table = raw_table(input_name) -%}
            {%- set presence = input_contract(input_name).presence -%}
            {%- if table is none -%}
                {%- if presence == 'required' -%}
                    {%- do problems.append(
                        input_name ~ ': required, but absent: ' ~ raw_place(input_name) ~ '.'
                    ) -%}
                {%- elif presence == 'expected' -%}
                    {%- do exceptions.warn(
                        'Input ' ~ input_name ~ ' is absent: its metrics are null for every'
                        ~ ' account (' ~ raw_place(input_name) ~ ').'
                    ) -%}
                {%- endif -%}
            {%- elif table.problems -%}
                {%- do problems.extend(table.problems) -%}
            {%- else -%}
                {%- do problems.extend(unreadable_rows(input_name, table)) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if problems -%}
            {{ exceptions.raise_compiler_error(
                'The raw inputs cannot be used, nothing was built:\n  - ' ~ problems | join('\n  - ')
                ~ '\nMend these and run again; scripts/check_input.py looks closer at a folder.'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
