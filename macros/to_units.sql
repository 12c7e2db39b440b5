{#-
    A decimal of at most `places` decimals, below 10^(17 - 2 x places), as a whole number of units of
    its last decimal: value x 10^places.
-#}
{% macro to_units(value, places) -%}
    cast(
        cast({{ value }} as decimal({{ 17 - places }}, {{ places }}))
        * cast(1{{ '0' * places }} as decimal({{ places + 1 }}, 0)) as bigint
    )
{%- endmacro %}
