{#-
    Trimmed text, or null where it is a word for nothing: blank, null, none, n/a, ? or -, in any
    case. Null stays null. Words are compared one by one: a list of them becomes a join in DuckDB,
    which is made also for columns that nobody asked for.
-#}
{% macro nullify_blanks(value) -%}
    case
        when length({{ value }}) > 4 then {{ value }}
        when
            {%- for word in ['', 'null', 'none', 'n/a', '?', '-'] %}
            lower({{ value }}) <> '{{ word }}'{{ ' and' if not loop.last }}
            {%- endfor %}
            then {{ value }}
    end
{%- endmacro %}
