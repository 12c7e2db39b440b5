{#- The verdict on a numbered row: accepted, duplicate or rejected. -#}
{% macro record_status() -%}
    case
        when rejection is not null then 'rejected'
        when version_rank = 1 then 'accepted'
        else 'duplicate'
    end
{%- endmacro %}
