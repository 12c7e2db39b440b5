{#-
    Trimmed text, or null where it is a word for nothing: blank, null, none, n/a, ? or -, in any
    case. Null stays null.
-#}
{% macro null_words(value) -%}
    case
        when length({{ value }}) > 4 then {{ value }}
        when lower({{ value }}) not in ('', 'null', 'none', 'n/a', '?', '-') then {{ value }}
    end
{%- endmacro %}
