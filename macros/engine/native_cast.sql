{#-
    SQL that takes a received column of a native type over as the contract's type without parsing
    text, or none where the pairing has to go through text (a float may be NaN, a number is no
    timestamp). `type` is the engine's upper-case name of the received type.
-#}
{% macro native_cast(value, type, data_type) -%}
    {{ return(adapter.dispatch('native_cast', 'health_scoring')(value, type, data_type)) }}
{%- endmacro %}

{% macro default__native_cast(value, type, data_type) -%}
    {%- set integers = [
        'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UTINYINT', 'USMALLINT', 'UINTEGER',
        'UBIGINT', 'UHUGEINT', 'INT',
    ] -%}
    {%- set moments = [
        'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS', 'DATE',
        'TIMESTAMP WITHOUT TIME ZONE',
    ] -%}
    {%- if data_type == 'timestamp' and type in moments -%}
        {%- set moment = cast_or_null(value, 'timestamp') -%}
        {{ return('case when ' ~ is_finite(value) ~ ' then ' ~ moment ~ ' end') }}
    {%- elif data_type == 'timestamp' and type == 'TIMESTAMP WITH TIME ZONE' -%}
        {{ return(
            'case when ' ~ is_finite(value) ~ " then cast(" ~ value
            ~ " at time zone 'UTC' as timestamp) end"
        ) }}
    {%- elif data_type == 'boolean' and type == 'BOOLEAN' -%}
        {{ return(value) }}
    {%- elif data_type == 'integer' and type in integers -%}
        {{ return(cast_or_null(value, 'integer')) }}
    {%- elif data_type == 'decimal' and (type in integers or type.startswith(('DECIMAL', 'NUMERIC'))) -%}
        {{ return(cast_or_null(value, 'decimal(18, 6)')) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#- Spark: a TIMESTAMP is a moment, shown in the session's time zone, which is UTC. -#}
{% macro spark__native_cast(value, type, data_type) -%}
    {%- if data_type == 'timestamp' and type in ['TIMESTAMP', 'TIMESTAMP_NTZ', 'DATE'] -%}
        {{ return('cast(' ~ value ~ ' as timestamp)') }}
    {%- endif -%}
    {{ return(default__native_cast(value, type, data_type) if data_type != 'timestamp' else none) }}
{%- endmacro %}
