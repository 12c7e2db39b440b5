{#- The fingerprint of columns of one row, null a value like any other (see engine/fingerprint). -#}
{% macro fingerprint_of(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '-')") -%}
    {%- endfor -%}
    {{ fingerprint(parts | join(" || '|' || ")) }}
{%- endmacro %}
