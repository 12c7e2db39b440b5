{#-
    Where the rows of a raw input are and which columns they have, or none when the input is absent:
        sql       what to select from
        columns   {lower-case name: {'name': as received, 'type': upper-case engine type}}
        problems  what keeps the rows from being read, in words; with any, sql must not be used
    DuckDB: the files in $HEALTH_RAW_DIR/<input>/, all Parquet or all CSV.
-#}
{% macro raw_table(input_name) -%}
    {{ return(adapter.dispatch('raw_table', 'customer_health')(input_name)) }}
{%- endmacro %}

{% macro duckdb__raw_table(input_name) -%}
    {%- set folder = env_var('HEALTH_RAW_DIR', 'sample_data') ~ '/' ~ input_name -%}
    {%- set parquet, csv = [], [] -%}
    {%- for row in run_query(
        "select file from glob('" ~ folder | replace("'", "''") ~ "/*') order by file"
    ) -%}
        {%- if (row[0] | lower).endswith('.parquet') -%}{%- do parquet.append(row[0]) -%}{%- endif -%}
        {%- if (row[0] | lower).endswith('.csv') -%}{%- do csv.append(row[0]) -%}{%- endif -%}
    {%- endfor -%}
    {%- if parquet and csv -%}
        {{ return({'sql': '', 'columns': {}, 'problems': [
            input_name ~ ': ' ~ folder ~ ' holds both Parquet and CSV files, so rows would count'
            ~ ' twice or be left out. Keep one format in the folder.'
        ]}) }}
    {%- elif parquet -%}
        {{ return(duckdb_parquet_table(input_name, parquet)) }}
    {%- elif csv -%}
        {{ return(duckdb_csv_table(input_name, csv)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro duckdb_parquet_table(input_name, files) -%}
    {%- set listed = duckdb_file_list(files) -%}
    {%- set places = {} -%}
    {%- for row in run_query(
        'select file_name, name from parquet_schema(' ~ listed ~ ') where num_children is null'
    ) -%}
        {%- do places.setdefault(row[0], []).append(row[1] | trim | lower) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for path, columns in places.items() -%}
        {%- do found.append({'path': path, 'columns': columns}) -%}
    {%- endfor -%}
    {%- set sql = 'read_parquet(' ~ listed ~ ', union_by_name = true)' -%}
    {%- set columns = {} -%}
    {%- for row in run_query('describe select * from ' ~ sql) -%}
        {%- do columns.update({row[0] | trim | lower: {'name': row[0], 'type': row[1] | upper}}) -%}
    {%- endfor -%}
    {{ return({
        'sql': sql, 'columns': columns, 'problems': missing_columns(input_name, found)
    }) }}
{%- endmacro %}

{#-
    The dialect is fixed (comma, double quotes, UTF-8, one header line): a reader that guesses it
    skips lines that it cannot make sense of. So the header is read first and spelled out.
-#}
{% macro duckdb_csv_table(input_name, files) -%}
    {%- set groups, places, problems, columns = {}, [], [], {} -%}
    {%- for file in files -%}
        {%- set line = duckdb_first_line(file) -%}
        {%- if not line -%}
            {%- do problems.append(
                input_name ~ ': ' ~ file ~ ' starts with no header line. Put the column names in'
                ~ ' its first line, or take the file away.'
            ) -%}
        {%- else -%}
            {%- set names = [] -%}
            {%- for name in modules.re.split(',(?=(?:[^"]*"[^"]*")*[^"]*$)', line) -%}
                {%- set name = name | trim -%}
                {%- if name.startswith('"') and name.endswith('"') and name | length > 1 -%}
                    {%- set name = name[1:-1] | replace('""', '"') | trim -%}
                {%- endif -%}
                {%- if name | lower in names | map('lower') | list -%}
                    {%- do problems.append(
                        input_name ~ ': column ' ~ name ~ ' stands twice in the header of ' ~ file
                        ~ '. Rename one of them.'
                    ) -%}
                {%- endif -%}
                {%- do names.append(name if name else 'unnamed_' ~ loop.index) -%}
            {%- endfor -%}
            {%- do places.append({'path': file, 'columns': names | map('lower') | list}) -%}
            {%- do groups.setdefault(names | join('\n'), []).append(file) -%}
            {%- for name in names -%}
                {%- do columns.update({name | lower: {'name': name | lower, 'type': 'VARCHAR'}}) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do problems.extend(missing_columns(input_name, places)) -%}
    {%- set reads = [] -%}
    {%- for names, members in groups.items() -%}
        {%- do reads.append(duckdb_read_csv(members, names.split('\n'))) -%}
    {%- endfor -%}
    {%- set sql = '(select * from ' ~ reads | join(' union all by name select * from ') ~ ')' -%}
    {{ return({'sql': sql, 'columns': columns, 'problems': problems, 'csv_reads': reads}) }}
{%- endmacro %}

{% macro duckdb_read_csv(files, names) -%}
    {%- set columns = [] -%}
    {%- for name in names -%}
        {%- do columns.append("'" ~ name | lower | replace("'", "''") ~ "': 'varchar'") -%}
    {%- endfor -%}
    {{- return(
        'read_csv(' ~ duckdb_file_list(files) ~ ', auto_detect = false, header = true, columns = {'
        ~ columns | join(', ') ~ "}, delim = ',', quote = '\"', escape = '\"', comment = '',"
        ~ " encoding = 'utf-8', strict_mode = true, max_line_size = 16000000)"
    ) -}}
{%- endmacro %}

{% macro duckdb_first_line(file) -%}
    {%- set rows = run_query(
        "select line from read_csv(" ~ duckdb_file_list([file])
        ~ ", auto_detect = false, header = false, columns = {'line': 'varchar'}, delim = '\x1f',"
        ~ " quote = '', escape = '', comment = '', strict_mode = false, ignore_errors = true,"
        ~ " max_line_size = 16000000) limit 1"
    ) -%}
    {%- set line = rows[0][0] if rows | length > 0 and rows[0][0] else '' -%}
    {{ return(line | replace('\ufeff', '') | trim) }}
{%- endmacro %}

{% macro duckdb_file_list(files) -%}
    {%- set quoted = [] -%}
    {%- for file in files -%}{%- do quoted.append("'" ~ file | replace("'", "''") ~ "'") -%}{%- endfor -%}
    {{ return('[' ~ quoted | join(', ') ~ ']') }}
{%- endmacro %}
