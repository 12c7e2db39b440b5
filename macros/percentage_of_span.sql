{#-
    100 x part / span, 4 decimals, exactly, for decimals of 6 decimals with part <= span: by small
    whole numbers where the span allows it, as nearly all do.
-#}
{% macro percentage_of_span(part, span) -%}
    case
        when {{ span }} < 100000
            then {{ divide_int(to_units(part, 6), to_units(span, 6), 4, 2) }}
        else {{ divide_exact('100 * (' ~ part ~ ')', '(' ~ span ~ ')', 4, 6) }}
    end
{%- endmacro %}
