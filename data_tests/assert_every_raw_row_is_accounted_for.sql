-- Nothing is lost: raw rows = accepted + duplicate + rejected, and rejected_records names every
-- rejected row. A row here is an input whose counts do not add up.
with

listed as (

    select
        input,
        count(*) as listed_rows
    from {{ ref('rejected_records') }}
    where action = 'row_rejected'
    group by input

)

select
    reconciliation.input,
    reconciliation.raw_rows,
    reconciliation.accepted_rows,
    reconciliation.duplicate_rows,
    reconciliation.rejected_rows,
    listed.listed_rows
from {{ ref('source_reconciliation') }} as reconciliation
left join listed
    on reconciliation.input = listed.input
where
    reconciliation.raw_rows <> (
        reconciliation.accepted_rows
        + reconciliation.duplicate_rows
        + reconciliation.rejected_rows
    )
    or reconciliation.rejected_rows <> coalesce(listed.listed_rows, 0)
