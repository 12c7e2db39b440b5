{#-
    A number written with an exponent (-1.25e-3) as text without one (-0.00125): the digits with the
    point moved. Databases round such numbers on the way to a decimal, each in its own manner.
-#}
{% macro without_exponent(value) -%}
    {%- set sign = regexp_group(value, '^(-)') -%}
    {%- set whole = regexp_group(value, '^[+-]?([0-9]*)') -%}
    {%- set digits = whole ~ ' || ' ~ regexp_group(value, '^[+-]?[0-9]*[.]([0-9]*)') -%}
    {%- set exponent = cast_or_null(regexp_group(value, '[eE]([+-]?[0-9]+)$'), 'integer') -%}
    {%- set point = '(length(' ~ whole ~ ') + ' ~ exponent ~ ')' -%}
    {{ sign }} || case
        when {{ point }} <= 0 then '0.' || repeat('0', -{{ point }}) || {{ digits }}
        when {{ point }} >= length({{ digits }})
            then {{ digits }} || repeat('0', {{ point }} - length({{ digits }}))
        else
            substr({{ digits }}, 1, {{ point }}) || '.' || substr({{ digits }}, {{ point }} + 1)
    end
{%- endmacro %}
