{#- The var of that name as a whole number within bounds; stops the run when it is not. -#}
{% macro parse_count_var(name, lowest, highest) -%}
    {%- set given = var(name) | string | trim -%}
    {%- if not modules.re.fullmatch('[0-9]{1,6}', given)
        or given | int < lowest or given | int > highest -%}
        {{ raise_invalid_var(name, given, 'a whole number from ' ~ lowest ~ ' to ' ~ highest) }}
    {%- endif -%}
    {{ return(given | int) }}
{%- endmacro %}
