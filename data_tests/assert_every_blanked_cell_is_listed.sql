-- The list of blankable cells in macros/blankable_cells.sql knows every column and reason that
-- staging blanks. A row here is a kept row with an issue that rejected_records does not show.
with

kept as (

    {% for input, key in [
        ('accounts', 'account_id'),
        ('subscriptions', 'subscription_id'),
        ('support_tickets', 'ticket_id'),
        ('invoices', 'invoice_id'),
    ] %}
        select
            '{{ input }}' as input,
            {{ key }} as record_key,
            cell_issues
        from {{ ref('stg_' ~ input) }}
        where
            cell_issues is not null
            and rejection_reason is null
        union all
    {% endfor %}
    select
        'usage_events' as input,
        event_id as record_key,
        cell_issues
    from {{ ref('usage_event_issues') }}
    where rejection_reason is null

),

expected as (

    select
        input,
        sum(length(cell_issues) - length(replace(cell_issues, ':', ''))) as blanked_cells
    from kept
    group by input

)

select
    reconciliation.input,
    reconciliation.blanked_cells,
    expected.blanked_cells as expected_cells
from {{ ref('source_reconciliation') }} as reconciliation
left join expected
    on reconciliation.input = expected.input
where reconciliation.blanked_cells <> coalesce(expected.blanked_cells, 0)
