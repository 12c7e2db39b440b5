{#- Whole numbers, also written 10.0, as a 32-bit integer; null for anything else (10.5, 1e3, ten). -#}
{% macro text_to_integer(value) -%}
    case
        when {{ matches_regex(value, '[+-]?[0-9]+([.]0+)?') }}
            then {{ cast_or_null(regexp_group(value, '^([+-]?[0-9]+)'), 'integer') }}
    end
{%- endmacro %}
