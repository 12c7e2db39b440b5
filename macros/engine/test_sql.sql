{#-
    dbt's own, but that with --empty no row is looked at: there are none, also where there have to be.
-#}
{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {%- set rows = 'select * from (\n' ~ main_sql ~ '\n) as no_rows where false' -%}
    {{ dbt.default__get_test_sql(
        rows if is_empty_run() else main_sql, fail_calc, warn_if, error_if, limit
    ) }}
{%- endmacro %}

{#-
    PostgreSQL knows too little of the steps inside a query to choose between ways to join: what it
    takes for one row is many, and then a nested loop takes minutes instead of a second. It also
    compiles long expressions, which takes longer than all of them. For models dbt_project.yml says
    the same.
-#}
{% macro postgres__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    set local enable_nestloop = off;
    set local jit = off;
    {{ default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}
