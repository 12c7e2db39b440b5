{#-
    A whole number of 60 bits that differs, but for chance, where the text differs: the first 15
    digits of its md5. Null where the text is. Sums of them tell two sets of rows apart.
-#}
{% macro fingerprint(text) -%}
    {{ return(adapter.dispatch('fingerprint', 'health_scoring')(text)) }}
{%- endmacro %}

{% macro duckdb__fingerprint(text) -%}
    cast('0x' || substr(md5({{ text }}), 1, 15) as bigint)
{%- endmacro %}
