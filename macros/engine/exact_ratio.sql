{#-
    numerator / denominator rounded half away from zero to `places` decimals, exactly: in whole
    numbers, (2n + d) / 2d without remainder, never through a double. Both sides are whole numbers
    or decimals of at most `scale` decimals, below 10^20. Null where either is null or the
    denominator is not above 0. The result is decimal(28, places).
-#}
{% macro exact_ratio(numerator, denominator, places, scale=0) -%}
    {{ return(adapter.dispatch('exact_ratio', 'health_scoring')(
        numerator, denominator, places, scale
    )) }}
{%- endmacro %}

{% macro duckdb__exact_ratio(numerator, denominator, places, scale) -%}
    {%- set whole = 'cast(cast(%s as decimal(38, ' ~ scale ~ ')) * 1' ~ '0' * scale ~ ' as hugeint)' -%}
    {%- set n = whole | format(numerator) -%}
    {%- set d = whole | format(denominator) -%}
    case
        when {{ denominator }} > 0
            then
                cast(
                    cast(
                        (2 * {{ n }} * 1{{ '0' * places }}
                        + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})
                        // (2 * {{ d }}) as decimal(28, 0)
                    ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
                    as decimal(28, {{ places }})
                )
    end
{%- endmacro %}

{% macro postgres__exact_ratio(numerator, denominator, places, scale) -%}
    case
        when {{ denominator }} > 0
            then
                cast(
                    div(
                        2 * cast({{ numerator }} as numeric) * 1{{ '0' * places }}
                        + case when {{ numerator }} < 0 then -1 else 1 end
                        * cast({{ denominator }} as numeric),
                        2 * cast({{ denominator }} as numeric)
                    ) * 0.{{ '0' * (places - 1) }}1
                    as decimal(28, {{ places }})
                )
    end
{%- endmacro %}

{#-
    Spark: its div gives 64 bits only. What is left over is taken off first, so that the quotient of
    decimals is whole; the narrower the denominator's type, the more digits that quotient may have.
-#}
{% macro spark__exact_ratio(numerator, denominator, places, scale) -%}
    {%- set whole = 'cast(cast(%s as decimal(38, ' ~ scale ~ ')) * 1' ~ '0' * scale ~ ' as decimal(38, 0))' -%}
    {%- set n = whole | format(numerator) -%}
    {%- set d = whole | format(denominator) -%}
    {%- set dividend -%}
        (2 * {{ n }} * 1{{ '0' * places }} + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})
    {%- endset -%}
    {%- set divisor = 'cast(2 * ' ~ d ~ ' as decimal(' ~ (21 + scale) ~ ', 0))' -%}
    case
        when {{ denominator }} > 0
            then
                cast(
                    cast(
                        ({{ dividend }} - {{ dividend }} % {{ divisor }}) / {{ divisor }}
                        as decimal(28, 0)
                    ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
                    as decimal(28, {{ places }})
                )
    end
{%- endmacro %}
