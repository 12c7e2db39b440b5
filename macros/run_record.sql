{#-
    Where the state of the last run is written down: scoring.last_run, one row. Relation and row
    (none where there is none).
-#}
{% macro run_record() -%}
    {%- set schema = generate_schema_name('scoring') | trim -%}
    {%- set relation = adapter.get_relation(target.database or none, schema, 'last_run') -%}
    {%- set row = none -%}
    {%- if relation -%}
        {%- set rows = run_query(
            'select raw_files, code, configuration, is_finished from ' ~ relation
        ) -%}
        {%- set row = rows[0] if rows | length else none -%}
    {%- endif -%}
    {{ return({
        'relation': api.Relation.create(
            database=target.database or none, schema=schema, identifier='last_run', type='table'
        ),
        'row': row,
    }) }}
{%- endmacro %}
