{#- The names of the eight raw inputs, in the order people think of them. -#}
{% macro input_names() -%}
    {{ return([
        'accounts', 'subscriptions', 'usage_events', 'support_tickets', 'survey_responses',
        'invoices', 'csm_assessments', 'score_overrides',
    ]) }}
{%- endmacro %}
