{#-
    The lines of CSV files that cannot be split into the cells of their header, as sentences without
    any content of the lines. Nothing to do where the input is a table or Parquet.
-#}
{% macro unreadable_rows(input_name, table) -%}
    {{ return(adapter.dispatch('unreadable_rows', 'customer_health')(input_name, table)) }}
{%- endmacro %}

{% macro default__unreadable_rows(input_name, table) -%}
    {{ return([]) }}
{%- endmacro %}

{% macro duckdb__unreadable_rows(input_name, table) -%}
    {%- set problems = [] -%}
    {%- for read in table.get('csv_reads', []) -%}
        {%- do run_query(
            'select count(columns(*)) from ' ~ read[:-1]
            ~ ", store_rejects = true, rejects_limit = 5, rejects_table = 'unreadable_lines',"
            ~ " rejects_scan = 'unreadable_scans')"
        ) -%}
        {%- for row in run_query(
            'select distinct file_path, line, error_type from unreadable_lines'
            ~ ' inner join unreadable_scans using (scan_id, file_id) order by 1, 2, 3'
        ) -%}
            {%- do problems.append(
                input_name ~ ': ' ~ row[0] ~ ', line ' ~ row[1] ~ ': ' ~ row[2] | lower
                ~ '. Write it as comma-separated UTF-8 with as many cells as the header.'
            ) -%}
        {%- endfor -%}
        {%- do run_query('drop table unreadable_lines') -%}
        {%- do run_query('drop table unreadable_scans') -%}
    {%- endfor -%}
    {{ return(problems) }}
{%- endmacro %}
