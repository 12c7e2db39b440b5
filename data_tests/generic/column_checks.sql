{#-
    Fails for every cell that fails a check, all checks of a table in one test:

        - column_checks:
            name: column_checks_scorecards
            arguments:
              has_rows: true
              checks:
                - {columns: [scorecard, goal], not_null: true}
                - {columns: [goal], accepted_values: [retention, expansion]}
                - {columns: [min_coverage], at_least: 0, at_most: 1}
                - {columns: [threshold], not_null: true, where: "trigger_on = 'metric'"}

    macros/breaks_check.sql lists the checks; `where` limits a check to some rows,
    `has_rows` asks that there is a row at all. dbt would make a name of all the arguments.

    One row per fault: its column (null for has_rows), the check, and the row that it is in.
    One statement, in which each check reads its own columns: databases that store columns answer
    that several times faster than one pass over whole rows with all conditions.
-#}
{% test column_checks(model, checks, has_rows=false) %}

{%- set kept = [] -%}
{%- for entry in checks -%}
    {%- if not entry['columns'] or entry | length == (2 if entry['where'] else 1) -%}
        {{ exceptions.raise_compiler_error('column_checks: no columns, or nothing to check: ' ~ entry) }}
    {%- endif -%}
    {%- for kind, wanted in entry.items() if kind not in ['columns', 'where'] -%}
        {%- set listed = wanted is sequence and wanted is not string -%}
        {%- set said = kind if wanted is sameas true
            else kind ~ ': ' ~ (wanted | join(', ') if listed else wanted) -%}
        {%- for column in entry['columns'] -%}
            {%- do kept.append({
                'column': column,
                'said': said ~ (' where ' ~ entry['where'] if entry['where'] else ''),
                'is_broken': breaks_check(column, kind, wanted),
                'where': entry['where'],
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endfor -%}

{% for check in kept %}
select
    '{{ check.column }}' as column_name,
    '{{ check.said | replace("'", "''") }}' as failed_check,
    *
from {{ model }}
where
    ({{ check.is_broken }})
    {%- if check.where %}
    and ({{ check.where }})
    {%- endif %}
{% if has_rows or not loop.last %}union all{% endif %}
{% endfor %}
{% if has_rows %}
select
    null as column_name,
    'has_rows' as failed_check,
    all_rows.*
from (select 1 as one) as one_row
left join (select * from {{ model }}) as all_rows on true
where not exists (select 1 from {{ model }})
{% endif %}

{% endtest %}
