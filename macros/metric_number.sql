{#-
    A value as metrics are published: decimal(18, 6). Beyond 10^12, which only a broken feed reaches,
    it is cut to the largest number of that type; null stays null.
-#}
{% macro metric_number(value) -%}
    case
        when {{ value }} > 999999999999.999999 then 999999999999.999999
        when {{ value }} < -999999999999.999999 then -999999999999.999999
        else cast({{ value }} as decimal(18, 6))
    end
{%- endmacro %}
