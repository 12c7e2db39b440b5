{#-
    One raw input under its contract, whatever it is made of: every column of the contract, cleaned
    and of the contract's type; absent optional columns as null; bad_cells (',seats,mrr,': columns
    whose value does not cast, null if none); loaded_at (_loaded_at, else the row's first business
    timestamp). An absent input has no rows.
-#}
{% macro raw_input(relation) -%}
    {%- if not execute -%}{{ return('select 1 as nothing') }}{%- endif -%}
    {%- set table = raw_table(relation.identifier) -%}
    {%- set contract = input_contract(relation.identifier).columns -%}
    {%- set first_moment = (contract | selectattr('data_type', 'equalto', 'timestamp') | first).name -%}
    {%- set columns, castable = [], [] -%}
    {%- for column in contract + [{'name': '_loaded_at', 'data_type': 'timestamp'}] -%}
        {%- set received = table.columns.get(column.name) -%}
        {%- set type = received.type if received else '' -%}
        {%- do columns.append({
            'name': column.name,
            'data_type': column.data_type,
            'quoted': adapter.quote(received.name) if received,
            'is_absent': not received,
            'is_text': type in ('VARCHAR', 'TEXT', 'STRING'),
            'native': native_cast(column.name, type, column.data_type),
        }) -%}
        {%- if type and column.data_type != 'varchar' and column.name != '_loaded_at' -%}
            {%- do castable.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
with

{# Text is trimmed, then words for nothing become null; what is typed already stays so. #}
trimmed as (

    select
        {%- for column in columns %}
        {% if column.is_absent -%}
        cast(null as {{ dbt.type_string() }})
        {%- elif column.native -%}
        {{ column.quoted }}
        {%- elif column.is_text -%}
        {{ trim_text(column.quoted) }}
        {%- else -%}
        {{ trim_text('cast(' ~ column.quoted ~ ' as ' ~ dbt.type_string() ~ ')') }}
        {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ table.relation or '(select 1 as nothing) as absent where false' }}

),

cleaned as (

    select
        {%- for column in columns %}
        {{ column.name if column.is_absent or column.native else nullify_blanks(column.name) }}
            as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from trimmed

),

parsed as (

    select
        {%- for column in columns %}
        {%- if column.name in castable %}
        {{ column.name }} is not null as has_{{ column.name }},
        {%- endif %}
        {% if column.is_absent or column.data_type == 'varchar' -%}
        cast({{ column.name }} as {{ contract_type(column.data_type) }})
        {%- elif column.native -%}
        {{ column.native }}
        {%- elif column.data_type == 'timestamp' -%}
        {{ text_to_timestamp(column.name) }}
        {%- elif column.data_type == 'boolean' -%}
        {{ text_to_boolean(column.name) }}
        {%- elif column.data_type == 'integer' -%}
        {{ text_to_integer(column.name) }}
        {%- else -%}
        {{ text_to_decimal(column.name) }}
        {%- endif %} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from cleaned

),

marked as (

    select
        *,
        {%- for name in castable %}
        case when has_{{ name }} and {{ name }} is null then '{{ name }},' else '' end ||
        {%- endfor %} '' as bad_names
    from parsed

)

select
    {%- for column in contract %}
    {{ column.name }},
    {%- endfor %}
    case when bad_names <> '' then ',' || bad_names end as bad_cells,
    coalesce(_loaded_at, {{ first_moment }}) as loaded_at
from marked
{%- endmacro %}
