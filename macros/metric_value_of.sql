{#-
    The value of the metric of that name, out of a row that has the metrics as columns: `relation` is
    its alias, `suffix` what follows the name of the metric in the names of its columns.
-#}
{% macro metric_value_of(metric, relation, suffix='') -%}
    case {{ metric }}
        {%- for name in metric_names() %}
        when '{{ name }}' then {{ relation }}.{{ name }}{{ suffix }}
        {%- endfor %}
    end
{%- endmacro %}
