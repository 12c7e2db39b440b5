-- One row per account and score date: the segment, by the rule of the lowest priority that matches
-- what was true on that date. An unknown value never matches a condition that is set.
with

account_dates as (

    select * from {{ ref('account_dates') }}

),

segments as (

    select * from {{ ref('segments') }}

),

matches as (

    select
        account_dates.account_id,
        account_dates.score_date,
        min(segments.priority) as priority
    from account_dates
    inner join segments
        on
            (segments.is_trial is null or segments.is_trial = account_dates.is_trial)
            and (
                segments.industry is null
                or lower(trim(segments.industry)) = lower(account_dates.industry)
            )
            and (segments.plan is null or lower(trim(segments.plan)) = lower(account_dates.plan))
            {%- for name in ['tenure_days', 'mrr', 'seats'] %}
            and (
                segments.min_{{ name }} is null
                or segments.min_{{ name }} <= account_dates.{{ name }}
            )
            and (
                segments.max_{{ name }} is null
                or segments.max_{{ name }} >= account_dates.{{ name }}
            )
            {%- endfor %}
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
