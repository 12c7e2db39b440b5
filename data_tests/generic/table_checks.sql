{#-
    Fails for every row that fails a check, all checks of a table in one test:

        - table_checks:
            name: table_checks_scorecards
            arguments:
              has_rows: true
              checks:
                - {unique: [scorecard]}
                - {columns: [scorecard, goal], not_null: true}
                - {columns: [goal], accepted_values: [retention, expansion]}
                - {columns: [min_coverage], at_least: 0, at_most: 1}
                - {columns: [threshold], not_null: true, where: "trigger_on = 'metric'"}
                - {columns: [segment], references: {to: ref('segments'), field: segment}}
                - {holds: low <= high}

    unique: no two rows are alike in these columns; null equals null. holds: a condition; unknown
    fails. What a check of columns may ask is listed in macros/breaks_check.sql. `where` limits a
    check to some rows, `of_this_run` all of them to the rows that this run makes
    (macros/recomputed_this_run.sql); `has_rows` asks that there is a row at all. dbt would make a
    name of all the arguments.

    One row per fault: the column, if the check is of one, the check, and the row that it is in. One
    statement, in which each check reads its own columns: databases that store columns answer that
    several times faster than one pass over whole rows with all conditions.
-#}
{% test table_checks(model, checks, has_rows=false, of_this_run=none) %}

{%- set kept = [] -%}
{%- for entry in checks -%}
    {%- set kinds = entry | list | reject('in', ['columns', 'where']) | list -%}
    {%- set is_of_rows = kinds in [['unique'], ['holds']] -%}
    {%- set columns = [none] if is_of_rows else entry['columns'] -%}
    {%- if not kinds or not columns or (is_of_rows and entry['columns'])
        or entry.get('unique', []) is string or entry.get('unique', []) is not iterable -%}
        {{ exceptions.raise_compiler_error('table_checks: no columns, or nothing to check: ' ~ entry) }}
    {%- endif -%}
    {%- for kind in kinds -%}
        {%- set wanted = entry[kind] -%}
        {%- set named = kind if wanted is sameas true else kind ~ ': ' ~ (
            wanted['to'].identifier ~ '.' ~ wanted['field'] if wanted is mapping
            else wanted | join(', ') if wanted is sequence and wanted is not string
            else wanted
        ) -%}
        {%- for column in columns -%}
            {%- do kept.append({
                'column': column,
                'named': named ~ (' where ' ~ entry['where'] if entry['where'] else ''),
                'key': wanted if kind == 'unique',
                'is_broken': none if kind == 'unique'
                    else 'not coalesce(' ~ wanted ~ ', false)' if kind == 'holds'
                    else breaks_check(column, kind, wanted),
                'rows': [
                    '(' ~ entry['where'] ~ ')' if entry['where'],
                    recomputed_this_run(of_this_run) if of_this_run,
                ] | select | join(' and '),
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endfor -%}

{% for check in kept %}
{%- set rows -%}
    (select * from {{ model }}{{ ' where ' ~ check.rows if check.rows }})
{%- endset %}
select
    {% if check.column -%}
        '{{ check.column }}'
    {%- else -%}
        cast(null as {{ contract_type('varchar') }})
    {%- endif %} as column_name,
    '{{ check.named | replace("'", "''") }}' as failed_check,
    tested.*
from {{ rows }} as tested
{%- if check.key %}
inner join (
    select
        {{ check.key | join(', ') }},
        count(*) as copies
    from {{ rows }} as counted
    group by {{ check.key | join(', ') }}
    having count(*) > 1
) as repeated
    on
        {%- for column in check.key %}
        {{ 'and ' if not loop.first }}tested.{{ column }} is not distinct from repeated.{{ column }}
        {%- endfor %}
{%- else %}
where {{ check.is_broken }}
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
