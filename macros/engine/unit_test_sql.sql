{#-
    PostgreSQL: a number that is computed has as many decimals as it comes to have, so that 50 and
    50.000000 would count as a difference of a unit test. Both sides lose zeros at the end.
-#}
{% macro postgres__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
    {%- set numbers = [] -%}
    {%- for column in get_column_schema_from_query(main_sql) -%}
        {%- if column.dtype | lower in ('numeric', 'decimal') -%}
            {%- do numbers.append(column.quoted) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set cells = [] -%}
    {%- for name in expected_column_names -%}
        {%- do cells.append('trim_scale(' ~ name ~ ') as ' ~ name if name in numbers else name) -%}
    {%- endfor -%}
    {%- set plain = 'select ' ~ cells | join(', ') ~ ' from (%s) as rows_of_one_side' -%}
    {{ dbt.default__get_unit_test_sql(
        plain | replace('%s', main_sql), plain | replace('%s', expected_fixture_sql),
        expected_column_names
    ) }}
{%- endmacro %}
