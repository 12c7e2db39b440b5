{#-
    numerator / denominator x 10^power, rounded half away from zero to `places` decimals, exactly, as
    decimal(18, places): for whole numbers so small that 2 x numerator x 10^(places + power) stays
    below 9 x 10^18 and the ratio below 10^(18 - 2 x places): it stops where they are larger, which
    divide_exact does not, but is faster.
    Null where either is null or the denominator is not above 0.
-#}
{% macro divide_int(numerator, denominator, places, power=0) -%}
    {{ return(adapter.dispatch('divide_int', 'health_scoring')(
        numerator, denominator, places, power
    )) }}
{%- endmacro %}

{% macro default__divide_int(numerator, denominator, places, power) -%}
    {%- set shift = places + power -%}
    {%- set n = '(' ~ numerator ~ ')' ~ (' * 1' ~ '0' * shift if shift > 0 else '') -%}
    {%- set d = '(' ~ denominator ~ ')' ~ (' * 1' ~ '0' * -shift if shift < 0 else '') -%}
    case
        when {{ denominator }} > 0
            then cast(
                cast(
                    {{ whole_quotient(
                        '(2 * ' ~ n ~ ' + case when ' ~ numerator ~ ' < 0 then -1 else 1 end * ' ~ d ~ ')',
                        '(2 * ' ~ d ~ ')'
                    ) }} as decimal({{ 18 - places }}, 0)
                ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
                as decimal(18, {{ places }})
            )
    end
{%- endmacro %}

{#- The quotient of two whole numbers without its fraction (towards zero). -#}
{% macro whole_quotient(numerator, denominator) -%}
    {{ return(adapter.dispatch('whole_quotient', 'health_scoring')(numerator, denominator)) }}
{%- endmacro %}

{% macro duckdb__whole_quotient(numerator, denominator) -%}
    {{ numerator }} // {{ denominator }}
{%- endmacro %}

{#- PostgreSQL: sums of whole numbers are numeric there, whose `/` has a fraction. -#}
{% macro postgres__whole_quotient(numerator, denominator) -%}
    div(cast({{ numerator }} as numeric), cast({{ denominator }} as numeric))
{%- endmacro %}

{% macro spark__whole_quotient(numerator, denominator) -%}
    {{ numerator }} div {{ denominator }}
{%- endmacro %}
