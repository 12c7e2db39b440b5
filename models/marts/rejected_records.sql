-- One row per rejected raw row and per blanked cell of a row that was kept. No values, no free text.
{% set small_inputs = {
    'accounts': 'account_id',
    'subscriptions': 'subscription_id',
    'support_tickets': 'ticket_id',
    'survey_responses': 'response_id',
    'invoices': 'invoice_id',
    'csm_assessments': 'assessment_id',
    'score_overrides': 'override_id',
} -%}
{% set inputs_with_blanks = ['accounts', 'subscriptions', 'support_tickets', 'invoices'] -%}
with

issues as (

    {% for input, key in small_inputs.items() -%}
    select
        '{{ input }}' as input,
        {{ key }} as record_key,
        account_id,
        rejection_reason,
        {% if input in inputs_with_blanks -%}
        cell_issues,
        {%- else -%}
        cast(null as varchar) as cell_issues,
        {%- endif %}
        loaded_at
    from {{ ref('stg_' ~ input) }}
    where
        rejection_reason is not null
        {%- if input in inputs_with_blanks %}
        or cell_issues is not null
        {%- endif %}

    union all

    {% endfor -%}
    select
        'usage_events' as input,
        event_id as record_key,
        account_id,
        rejection_reason,
        cell_issues,
        loaded_at
    from {{ ref('usage_event_issues') }}

),

blankable_cells as (

    {% for column, reasons in blankable_cells().items() -%}
    {% set last_column = loop.last -%}
    {% for reason in reasons -%}
    select
        '{{ column }}' as column_name,
        '{{ reason }}' as reason
    {% if not (loop.last and last_column) -%}
    union all
    {% endif -%}
    {% endfor -%}
    {%- endfor %}

)

select
    input,
    record_key,
    account_id,
    'row_rejected' as action,
    rejection_reason as reason,
    cast(null as varchar) as column_name,
    loaded_at
from issues
where rejection_reason is not null

union all

select
    issues.input,
    issues.record_key,
    issues.account_id,
    'cell_blanked' as action,
    blankable_cells.reason,
    blankable_cells.column_name,
    issues.loaded_at
from issues
inner join blankable_cells
    on issues.cell_issues
        like '%,' || blankable_cells.column_name || ':' || blankable_cells.reason || ',%'
where issues.rejection_reason is null
