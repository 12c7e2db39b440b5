{#- true, 1, yes / false, 0, no in any case as a boolean; null for anything else. -#}
{% macro text_to_boolean(value) -%}
    case
        when lower({{ value }}) in ('true', '1', 'yes') then true
        when lower({{ value }}) in ('false', '0', 'no') then false
    end
{%- endmacro %}
