{#-
    Where a raw input lies, in words, and what keeps it from being read, as far as the columns of its
    table do not tell: place, problems. On DuckDB the plugin makes the tables of files
    (inputs/sources.py of the package).
-#}
{% macro raw_source(input_name) -%}
    {{ return(adapter.dispatch('raw_source', 'health_scoring')(input_name)) }}
{%- endmacro %}

{% macro default__raw_source(input_name) -%}
    {%- set place = 'no table raw.' ~ input_name ~ '; customer-health load fills it from files' -%}
    {{ return({'place': place, 'problems': []}) }}
{%- endmacro %}

{% macro duckdb__raw_source(input_name) -%}
    {{ return(fromjson(run_query("select raw_source('" ~ input_name ~ "')")[0][0])) }}
{%- endmacro %}
