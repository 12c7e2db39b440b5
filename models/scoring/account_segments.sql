-- One row per account and score date: the segment, by the rule of the lowest priority that matches
-- what was true on that date. An unknown value never matches a condition that is set.
with

account_dates as (

    select * from {{ ref('account_dates') }}

),

segments as (

    select
        *,
        lower({{ trim_text('industry') }}) as wanted_industry,
        lower({{ trim_text('plan') }}) as wanted_plan
    from {{ ref('segments') }}

),

matches as (

    select
        account_dates.account_id,
        account_dates.score_date,
        min(segments.priority) as priority
    from account_dates
    inner join segments
        on
            (segments.is_trial is null or account_dates.is_trial = segments.is_trial)
            and (
                segments.wanted_industry is null
                or lower(account_dates.industry) = segments.wanted_industry
            )
            and (
                segments.wanted_plan is null
                or lower(account_dates.plan) = segments.wanted_plan
            )
            and {{ within_limits('tenure_days') }}
            and {{ within_limits('mrr') }}
            and {{ within_limits('seats') }}
    group by account_dates.account_id, account_dates.score_date

)

select
    account_dates.account_id,
    account_dates.score_date,
    segments.segment,
    matches.priority
from account_dates
left join matches
    on
        account_dates.account_id = matches.account_id
        and account_dates.score_date = matches.score_date
left join segments
    on matches.priority = segments.priority
