{#-
    Text without the white space at its ends: all that Unicode calls so (tabs, line breaks, no-break
    and ideographic spaces too) and the four ASCII separators. A plain trim() takes spaces only.
-#}
{% macro trim_text(value) -%}
    {{ return(adapter.dispatch('trim_text', 'health_scoring')(value)) }}
{%- endmacro %}

{% macro duckdb__trim_text(value) -%}
    {#- Plain ASCII text without a blank at its ends is as it should be; trimming by a long list of
        characters is eight times slower than seeing that. -#}
    case
        when {{ matches_regex(value, '[!-~]([ -~]*[!-~])?') }} then {{ value }}
        else trim({{ value }}, '{{ white_space() }}')
    end
{%- endmacro %}

{% macro white_space() -%}
    {{ return(
        ' \t\n\u000b\u000c\r\u001c\u001d\u001e\u001f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003'
        ~ '\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'
    ) }}
{%- endmacro %}

{% macro postgres__trim_text(value) -%}
    btrim({{ value }}, '{{ white_space() }}')
{%- endmacro %}

{% macro spark__trim_text(value) -%}
    btrim({{ value }}, '{{ white_space() }}')
{%- endmacro %}
