{#-
    What there is of a raw input:
        is_absent, place   whether there is nothing, and where it was looked for, in words
        sql                what to select its rows from; column names in lower case
        columns            {name: upper-case engine type}
        problems           what keeps it from being read, in words; with any, sql is empty
    With `rows`, every row is tried, not only the columns; but not those of files that are in `known`,
    the raw_files of an earlier run (run_inputs.sql), as JSON.
    DuckDB: the files in $HEALTH_RAW_DIR/<input>/, all Parquet, CSV or JSON lines (inputs/raw_files.py of the package).
-#}
{% macro raw_table(input_name, rows=false, known='') -%}
    {{ return(adapter.dispatch('raw_table', 'health_scoring')(input_name, rows, known)) }}
{%- endmacro %}

{% macro duckdb__raw_table(input_name, rows, known) -%}
    {%- set raw_dir = env_var('HEALTH_RAW_DIR', 'sample_data') | replace("'", "''") -%}
    {%- set found = run_query(
        "select raw_input('" ~ raw_dir ~ "', '" ~ input_name ~ "', " ~ rows ~ ", '" ~ known | replace("'", "''") ~ "')"
    ) -%}
    {{ return(fromjson(found[0][0])) }}
{%- endmacro %}

{#- Elsewhere: the tables of the schema `raw` (customer-health load). -#}
{% macro default__raw_table(input_name, rows, known) -%}
    {%- set relation = adapter.get_relation(target.database or none, 'raw', input_name) -%}
    {%- set place = 'raw.' ~ input_name -%}
    {%- if not relation -%}
        {{ return({
            'is_absent': true,
            'place': 'no table ' ~ place ~ '; customer-health load fills it from files',
            'sql': '',
            'columns': {},
            'problems': [],
        }) }}
    {%- endif -%}
    {%- set columns, cells, problems = {}, [], [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do columns.update({column.name | lower: column.data_type | upper}) -%}
        {%- do cells.append(adapter.quote(column.name) ~ ' as ' ~ adapter.quote(column.name | lower)) -%}
    {%- endfor -%}
    {%- for column in input_contract(input_name).columns -%}
        {%- if column.required and column.name not in columns -%}
            {%- do problems.append(place ~ ': no column ' ~ column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'is_absent': false,
        'place': place,
        'sql': '' if problems else '(select ' ~ cells | join(', ') ~ ' from ' ~ relation ~ ') as received',
        'columns': columns,
        'problems': problems,
    }) }}
{%- endmacro %}
