{#- What of the seeds and vars decides about numbers, as one text. `inputs` is run_inputs(). -#}
{% macro run_configuration(inputs) -%}
    {{ return([
        inputs.seeds, run_date(), parse_date_var('as_of_date'), var('history_weeks')
    ] | join(' ')) }}
{%- endmacro %}
