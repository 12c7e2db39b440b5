-- One row per rejected raw row and per blanked cell of a row that was kept. No values.
{% set staged = [
    ('accounts', 'account_id', true),
    ('subscriptions', 'subscription_id', true),
    ('support_tickets', 'ticket_id', true),
    ('survey_responses', 'response_id', false),
    ('invoices', 'invoice_id', true),
    ('csm_assessments', 'assessment_id', false),
    ('score_overrides', 'override_id', false),
] -%}
with

issues as (

    {% for input, key, has_cell_issues in staged %}
        select
            '{{ input }}' as input,
            {{ key }} as record_key,
            account_id,
            rejection_reason,
            rejected_column,
            {{ 'cell_issues' if has_cell_issues
                else 'cast(null as ' ~ dbt.type_string() ~ ') as cell_issues' }},
            loaded_at
        from {{ ref('stg_' ~ input) }}
        union all
    {% endfor %}
    select
        'usage_events' as input,
        event_id as record_key,
        account_id,
        rejection_reason,
        rejected_column,
        cell_issues,
        loaded_at
    from {{ ref('usage_event_issues') }}

),

blankable_cells as (

    {% for column, reason in blankable_cells() %}
        select
            '{{ column }}' as column_name,
            '{{ reason }}' as reason
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    input,
    record_key,
    account_id,
    'row_rejected' as action,
    rejection_reason as reason,
    rejected_column as column_name,
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
    on
        issues.cell_issues
        like '%,' || blankable_cells.column_name || ':' || blankable_cells.reason || ',%'
where
    issues.rejection_reason is null
    and issues.cell_issues is not null
