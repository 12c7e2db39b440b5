{#-
    numerator / denominator rounded half away from zero to `places` decimals, exactly: in whole
    numbers, (2n + d) / 2d without remainder, never through a double. Both sides are whole numbers
    or decimals of at most `scale` decimals, below 10^20. Null where either is null or the
    denominator is not above 0. The result is decimal(28, places).
-#}
{% macro divide_exact(numerator, denominator, places, scale=0) -%}
    {{ return(adapter.dispatch('divide_exact', 'health_scoring')(
        numerator, denominator, places, scale
    )) }}
{%- endmacro %}

{#-
    DuckDB: numbers of 128 bits are slow to divide, so that small ones are taken as 64 bits. With
    |n| < 10^(18 - places) and d < 10^16, 2n x 10^places + d stays below 3 x 10^18.
-#}
{% macro duckdb__divide_exact(numerator, denominator, places, scale) -%}
    {%- set bound = 10 ** (18 - scale - [places, 2] | max) -%}
    case
        when {{ denominator }} > 0
            then case
                when
                    {{ numerator }} > -{{ bound }}
                    and {{ numerator }} < {{ bound }}
                    and {{ denominator }} < {{ 10 ** (16 - scale) }}
                    then {{ duckdb__ratio_of_whole(
                        numerator, denominator, places,
                        duckdb__small_whole(numerator, scale), duckdb__small_whole(denominator, scale)
                    ) }}
                else {{ duckdb__ratio_of_whole(
                    numerator, denominator, places,
                    duckdb__large_whole(numerator, scale), duckdb__large_whole(denominator, scale)
                ) }}
            end
    end
{%- endmacro %}

{% macro duckdb__ratio_of_whole(numerator, denominator, places, n, d) -%}
    cast(
        cast(
            (2 * {{ n }} * 1{{ '0' * places }} + case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})
            // (2 * {{ d }}) as decimal(28, 0)
        ) * cast(0.{{ '0' * (places - 1) }}1 as decimal({{ places }}, {{ places }}))
        as decimal(28, {{ places }})
    )
{%- endmacro %}

{#-
    value x 10^scale in 64 bits, for values below 10^(16 - scale): two decimals at a time, as what is
    multiplied keeps its decimals.
-#}
{% macro duckdb__small_whole(value, scale) -%}
    {%- if scale == 0 -%}
        cast({{ value }} as bigint)
    {%- else -%}
        {%- set step = [scale, 2] | min -%}
        {{ duckdb__small_whole(
            'cast(' ~ value ~ ' as decimal(18, ' ~ scale ~ ')) * cast(1' ~ '0' * step
            ~ ' as decimal(' ~ (step + 1) ~ ', 0))', scale - step
        ) }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__large_whole(value, scale) -%}
    cast(cast({{ value }} as decimal(38, {{ scale }})) * 1{{ '0' * scale }} as hugeint)
{%- endmacro %}

{% macro postgres__divide_exact(numerator, denominator, places, scale) -%}
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
{% macro spark__divide_exact(numerator, denominator, places, scale) -%}
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
