{#-
    Numbers as decimal(18, 6), half away from zero; null for anything else: NaN, infinity, 10^12 and
    more, decimal commas, thousands separators. An exponent has at most three digits.
-#}
{% macro text_to_decimal(value) -%}
    {%- set number = '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)' -%}
    case
        when {{ matches_regex(value, number) }} then {{ cast_or_null(value, 'decimal(18, 6)') }}
        when {{ matches_regex(value, number ~ '[eE][+-]?[0-9]{1,3}') }}
            then {{ cast_or_null(without_exponent(value), 'decimal(18, 6)') }}
    end
{%- endmacro %}
