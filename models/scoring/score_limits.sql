{{ config(pre_hook="{{ forget_account_dates_to_score() }}") }}
-- depends_on: {{ ref('account_dates_to_score') }}

-- One row per account and score date on which something is set above the arithmetic of a retention
-- score: the lowest cap that holds, the override in force, or both.
with

account_segments as (

    select account_segments.*
    from {{ ref('account_segments') }} as account_segments
    {% if is_incremental() %}
        inner join {{ ref('account_dates_to_score') }} as to_score
            on
                account_segments.account_id = to_score.account_id
                and account_segments.score_date = to_score.score_date
    {% endif %}

),

metric_values as (

    select * from {{ ref('metric_values') }}
    {% if is_incremental() %}
        where is_to_score
    {% endif %}

),

caps as (

    select
        score_caps.*,
        metrics.better
    from {{ ref('score_caps') }} as score_caps
    inner join {{ ref('metrics') }} as metrics
        on score_caps.metric = metrics.metric

),

overrides as (

    select * from {{ ref('stg_score_overrides') }}
    where record_status = 'accepted'

),

caps_that_hold as (

    select
        metric_values.account_id,
        metric_values.score_date,
        caps.cap,
        caps.max_score,
        row_number() over (
            partition by metric_values.account_id, metric_values.score_date
            order by caps.max_score asc, caps.cap asc
        ) as cap_rank
    from metric_values
    inner join caps
        on
            metric_values.metric = caps.metric
            and caps.segment in (metric_values.segment, '*')
            and (
                (caps.better = 'higher' and metric_values.metric_value < caps.worse_than)
                or (caps.better = 'lower' and metric_values.metric_value > caps.worse_than)
            )

),

overrides_in_force as (

    select
        account_segments.account_id,
        account_segments.score_date,
        overrides.override_id,
        overrides.score,
        row_number() over (
            partition by account_segments.account_id, account_segments.score_date
            order by overrides.starts_at desc, overrides.override_id desc
        ) as override_rank
    from account_segments
    inner join overrides
        on
            account_segments.account_id = overrides.account_id
            and account_segments.score_date >= overrides.starts_on
            and account_segments.score_date < overrides.expires_on

)

select
    account_segments.account_id,
    account_segments.score_date,
    caps_that_hold.cap,
    cast(caps_that_hold.max_score as decimal(5, 2)) as max_score,
    overrides_in_force.override_id,
    cast(overrides_in_force.score as decimal(5, 2)) as override_score
from account_segments
left join caps_that_hold
    on
        account_segments.account_id = caps_that_hold.account_id
        and account_segments.score_date = caps_that_hold.score_date
        and caps_that_hold.cap_rank = 1
left join overrides_in_force
    on
        account_segments.account_id = overrides_in_force.account_id
        and account_segments.score_date = overrides_in_force.score_date
        and overrides_in_force.override_rank = 1
where
    caps_that_hold.cap is not null
    or overrides_in_force.override_id is not null
