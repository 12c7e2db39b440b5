{{ config(materialized='view') }}

-- One row per account, score date and metric of the catalogue; unknown values stay, as null.
with

side_by_side as (

    select
        side_by_side.*,
        to_score.account_id is not null as is_to_score
    from {{ ref('metrics_side_by_side') }} as side_by_side
    left join {{ ref('account_dates_to_score') }} as to_score
        on
            side_by_side.account_id = to_score.account_id
            and side_by_side.score_date = to_score.score_date

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
    {{ metric_value_of('metrics.metric') }} as metric_value,
    side_by_side.is_to_score
from side_by_side
cross join metrics
