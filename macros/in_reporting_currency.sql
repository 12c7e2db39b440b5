{#-
    An amount in the reporting currency, decimal(18, 6), half away from zero. No rate (a blank or
    unknown currency) counts as 1; null where the result would be 10^12 or more.
-#}
{% macro in_reporting_currency(amount, rate) -%}
    {{ cast_or_null(
        'cast(' ~ amount ~ ' as decimal(24, 6)) * coalesce(' ~ rate ~ ', cast(1 as decimal(18, 8)))', 'decimal(18, 6)'
    ) }}
{%- endmacro %}
