{{ config(materialized='view') }}

-- One row per account, score date and metric of the catalogue; unknown values stay, as null.
with

side_by_side as (

    select * from {{ ref('metrics_wide') }}

),

metrics as (

    select * from {{ ref('metrics') }}

)

select
    side_by_side.account_id,
    side_by_side.score_date,
    side_by_side.segment,
    metrics.metric,
    metrics.component,
    {{ metric_value_of('metrics.metric', 'side_by_side') }} as metric_value
from side_by_side
cross join metrics
