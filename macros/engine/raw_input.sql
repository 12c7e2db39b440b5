{#-
    One raw input under its contract, whatever it is made of: every column of the contract, cleaned
    and of the contract's type; absent optional columns as null; bad_cells (',seats,mrr,': columns
    whose value does not cast, null if none); loaded_at (_loaded_at, else the row's first business
    timestamp). An absent input has no rows.
-#}
{% macro raw_input(relation) -%}
    {%- if execute -%}
        {%- set contract = input_contract(relation.identifier) -%}
        {%- set table = raw_table(relation.identifier) -%}
        {%- set received = table.columns -%}
        {%- set types = {
            'varchar': 'varchar', 'timestamp': 'timestamp', 'boolean': 'boolean',
            'integer': 'integer', 'decimal': 'decimal(18, 6)',
        } -%}
        {%- set loaded = {'name': '_loaded_at', 'data_type': 'timestamp'} -%}
        {%- set moments = contract.columns | selectattr('data_type', 'equalto', 'timestamp') | list -%}
with

{# Text is trimmed, then words for nothing become null; what is typed already stays so. #}
trimmed as (

    select
        {%- for column in contract.columns + [loaded] %}
        {% if column.name not in received -%}
        cast(null as varchar) as {{ column.name }}
        {%- else -%}
        {%- set source_column = adapter.quote(column.name) -%}
        {%- set type = received[column.name] | upper -%}
        {%- if native_cast(source_column, type, column.data_type) -%}
        {{ source_column }} as {{ column.name }}
        {%- elif type == 'VARCHAR' or type == 'TEXT' or type == 'STRING' -%}
        {{ trim_text(source_column) }} as {{ column.name }}
        {%- else -%}
        {{ trim_text('cast(' ~ source_column ~ ' as varchar)') }} as {{ column.name }}
        {%- endif -%}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    from {{ table.sql or '(select 1 as nothing) as absent where false' }}

),

cleaned as (

    select
        {%- for column in contract.columns + [loaded] %}
        {% if column.name in received and not native_cast(
            column.name, received[column.name] | upper, column.data_type
        ) -%}
        {{ null_words(column.name) }} as {{ column.name }}
        {%- else -%}
        {{ column.name }}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    from trimmed

),

parsed as (

    select
        {%- for column in contract.columns + [loaded] %}
        {%- if column.data_type == 'varchar' or column.name not in received %}
        cast({{ column.name }} as {{ types[column.data_type] }}) as {{ column.name }}
        {%- else %}
        {%- set native = native_cast(
            column.name, received[column.name] | upper, column.data_type
        ) %}
        {%- if native %}
        {{ native }} as {{ column.name }}
        {%- elif column.data_type == 'timestamp' %}
        {{ text_to_timestamp(column.name) }} as {{ column.name }}
        {%- elif column.data_type == 'boolean' %}
        {{ text_to_boolean(column.name) }} as {{ column.name }}
        {%- elif column.data_type == 'integer' %}
        {{ text_to_integer(column.name) }} as {{ column.name }}
        {%- else %}
        {{ text_to_decimal(column.name) }} as {{ column.name }}
        {%- endif %}
        {%- if column.name != '_loaded_at' %},
        {{ column.name }} is not null as has_{{ column.name }}
        {%- endif -%}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    from cleaned

)

        {%- set castable = [] -%}
        {%- for column in contract.columns -%}
            {%- if column.data_type != 'varchar' and column.name in received -%}
                {%- do castable.append(column.name) -%}
            {%- endif -%}
        {%- endfor %}

select
        {%- for column in contract.columns %}
    {{ column.name }},
        {%- endfor %}
    {% if castable -%}
    case
        when {% for name in castable -%}
            (has_{{ name }} and {{ name }} is null){{ ' or ' if not loop.last }}
        {%- endfor %}
            then
                ','
                {%- for name in castable %}
                || case when has_{{ name }} and {{ name }} is null then '{{ name }},' else '' end
                {%- endfor %}
    end as bad_cells,
    {%- else -%}
    cast(null as varchar) as bad_cells,
    {%- endif %}
    coalesce(_loaded_at, {{ moments[0].name }}) as loaded_at
from parsed
    {%- else -%}
select 1 as nothing
    {%- endif -%}
{%- endmacro %}
