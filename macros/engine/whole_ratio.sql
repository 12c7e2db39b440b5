{#-
    numerator / denominator x 10^power, rounded half away from zero to `places` decimals, exactly, as
    decimal(18, places): for whole numbers so small that 2 x numerator x 10^(places + power) stays
    below 9 x 10^18, where it is ten times as fast as exact_ratio (it stops where they are larger).
    Null where either is null or the denominator is not above 0.
-#}
{% macro whole_ratio(numerator, denominator, places, power=0) -%}
    {{ return(adapter.dispatch('whole_ratio', 'health_scoring')(
        numerator, denominator, places, power
    )) }}
{%- endmacro %}

{% macro duckdb__whole_ratio(numerator, denominator, places, power) -%}
    {%- set shift = places + power -%}
    {%- set n = '(' ~ numerator ~ ')' ~ (' * 1' ~ '0' * shift if shift > 0 else '') -%}
    {%- set d = '(' ~ denominator ~ ')' ~ (' * 1' ~ '0' * -shift if shift < 0 else '') -%}
    case
        when {{ denominator }} > 0
            then cast(
                cast(
                    (2 * {{ n }} + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})
                    // (2 * {{ d }}) as decimal({{ 18 - places }}, 0)
                ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
                as decimal(18, {{ places }})
            )
    end
{%- endmacro %}

{% macro postgres__whole_ratio(numerator, denominator, places, power) -%}
    {%- set shift = places + power -%}
    {%- set n = '(' ~ numerator ~ ')' ~ (' * 1' ~ '0' * shift if shift > 0 else '') -%}
    {%- set d = '(' ~ denominator ~ ')' ~ (' * 1' ~ '0' * -shift if shift < 0 else '') -%}
    case
        when {{ denominator }} > 0
            then cast(
                div(
                    cast(
                        2 * {{ n }} + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }}
                        as numeric
                    ),
                    cast(2 * {{ d }} as numeric)
                ) * 0.{{ '0' * (places - 1) }}1
                as decimal(18, {{ places }})
            )
    end
{%- endmacro %}

{% macro spark__whole_ratio(numerator, denominator, places, power) -%}
    {%- set shift = places + power -%}
    {%- set n = '(' ~ numerator ~ ')' ~ (' * 1' ~ '0' * shift if shift > 0 else '') -%}
    {%- set d = '(' ~ denominator ~ ')' ~ (' * 1' ~ '0' * -shift if shift < 0 else '') -%}
    case
        when {{ denominator }} > 0
            then cast(
                cast(
                    (2 * {{ n }} + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})
                    div (2 * {{ d }}) as decimal({{ 18 - places }}, 0)
                ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
                as decimal(18, {{ places }})
            )
    end
{%- endmacro %}
