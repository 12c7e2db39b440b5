{#-
    Text without the white space around it, and null where nothing or a word for nothing is left:
    blank, null, none, n/a, ? and -, in any case. Null stays null.
-#}
{% macro clean_text(value) -%}
    {%- set trimmed = trim_text(value) -%}
    case
        when length({{ trimmed }}) > 4 then {{ trimmed }}
        when lower({{ trimmed }}) in ('', 'null', 'none', 'n/a', '?', '-') then null
        else {{ trimmed }}
    end
{%- endmacro %}
