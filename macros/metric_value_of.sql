{#- The value of the metric of that name, out of a row of metrics_wide. -#}
{% macro metric_value_of(metric) -%}
    case {{ metric }}
        {%- for columns in metric_columns().values() %}
        {%- for column in columns %}
        when '{{ column }}' then side_by_side.{{ column }}
        {%- endfor %}
        {%- endfor %}
    end
{%- endmacro %}
