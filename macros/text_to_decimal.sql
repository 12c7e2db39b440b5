{#-
    Numbers as decimal(18, 6), half away from zero; null for anything else: NaN, infinity, 10^12 and
    more, decimal commas, thousands separators.
-#}
{% macro text_to_decimal(value) -%}
    case
        when {{ matches(value, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?') }}
            then {{ cast_or_null(value, 'decimal(18, 6)') }}
    end
{%- endmacro %}
