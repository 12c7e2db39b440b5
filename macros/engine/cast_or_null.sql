{#- The value as that type, null where it does not cast. -#}
{% macro cast_or_null(value, type) -%}
    {{ return(adapter.dispatch('cast_or_null', 'health_scoring')(value, type)) }}
{%- endmacro %}

{% macro default__cast_or_null(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{#- PostgreSQL stops at a value that does not cast, so it is asked beforehand. -#}
{% macro postgres__cast_or_null(value, type) -%}
    {%- if type == 'timestamp' -%}
    {{ generate_schema_name('staging') | trim }}.timestamp_or_null(cast({{ value }} as text))
    {%- elif type == 'boolean' -%}
    case when lower(cast({{ value }} as text)) in ('true', 'false') then cast({{ value }} as boolean) end
    {%- else -%}
    {%- set number = 'cast(nullif(cast(' ~ value ~ " as text), '') as numeric)" -%}
    case
        {%- if type == 'integer' %}
        when {{ number }} between -2147483648 and 2147483647 then cast({{ number }} as integer)
        {%- else %}
        {#- decimal(18, 6), the only one of the contract. #}
        when abs(round({{ number }}, 6)) < 1000000000000 then cast({{ number }} as {{ type }})
        {%- endif %}
    end
    {%- endif -%}
{%- endmacro %}
