-- One row per day of usage events that has to be read: all of them at first; later those whose raw
-- rows are not the ones that the daily facts were made of, or would be judged differently today.
-- depends_on: {{ ref('stg_accounts') }}
{%- set known_days = none if should_full_refresh() else previous_relation('usage_days') %}
{%- set known_facts = previous_relation('usage_activity_daily') %}
{%- set known_accounts = previous_relation('account_activity_daily') %}
{%- set known_issues = previous_relation('usage_event_issues') %}
{%- set is_first = not (known_days and known_facts and known_accounts and known_issues) %}
with

raw_days as (

    select
        {{ event_day('event_at') }} as event_date,
        count(*) as raw_rows,
        max(loaded_at) as newest_loaded_at
    from {{ ref('input_usage_events') }}
    group by {{ event_day('event_at') }}

),

{% if is_first %}
    days_to_read as (

        select event_date from raw_days

    )
{% else %}
    accounts as (

        select account_id
        from {{ ref('stg_accounts') }}
        where record_status = 'accepted'

    ),

    known_days as (

        select * from {{ known_days }}

    ),

    known_rows as (

        select
            activity_date as event_date,
            accepted_rows + duplicate_rows as fact_rows,
            0 as account_rows,
            0 as rejected_rows,
            0 as issue_rows
        from {{ known_facts }}

        union all

        select
            activity_date as event_date,
            0 as fact_rows,
            accepted_rows + duplicate_rows as account_rows,
            0 as rejected_rows,
            0 as issue_rows
        from {{ known_accounts }}

        union all

        select
            event_date,
            0 as fact_rows,
            0 as account_rows,
            case when rejection_reason is not null then 1 else 0 end as rejected_rows,
            1 as issue_rows
        from {{ known_issues }}

    ),

    known_totals as (

        select
            event_date,
            sum(fact_rows) as fact_rows,
            sum(account_rows) as account_rows,
            sum(rejected_rows) as rejected_rows,
            sum(issue_rows) as issue_rows
        from known_rows
        group by event_date

    ),

    last_day as (

        select max(event_date) as event_date
        from raw_days
        where not {{ is_out_of_time('event_date') }}

    ),

    days_to_read as (

        -- Rows came, or went.
        select coalesce(raw_days.event_date, known_days.event_date) as event_date
        from raw_days
        full outer join known_days
            on raw_days.event_date = known_days.event_date
        where
            raw_days.raw_rows is distinct from known_days.raw_rows
            or raw_days.newest_loaded_at is distinct from known_days.newest_loaded_at

        union

        -- A run was cut short between the tables.
        select coalesce(known_days.event_date, known_totals.event_date) as event_date
        from known_days
        full outer join known_totals
            on known_days.event_date = known_totals.event_date
        where
            known_days.accepted_rows + known_days.duplicate_rows
            is distinct from known_totals.fact_rows
            or known_totals.fact_rows is distinct from known_totals.account_rows
            or known_days.rejected_rows is distinct from known_totals.rejected_rows
            or known_days.issue_rows is distinct from known_totals.issue_rows

        union

        -- An account became known, or is no longer.
        select issues.event_date
        from {{ known_issues }} as issues
        inner join accounts
            on issues.account_id = accounts.account_id
        where issues.rejection_reason = 'unknown_account'

        union

        select account_days.activity_date as event_date
        from {{ known_accounts }} as account_days
        left join accounts
            on account_days.account_id = accounts.account_id
        where accounts.account_id is null

        union

        -- The clock passed a day, or was set back.
        select event_date
        from {{ known_issues }}
        where
            rejection_reason = 'out_of_time'
            and not {{ is_out_of_time('event_date') }}

        union

        select activity_date as event_date
        from {{ known_accounts }}
        where {{ is_out_of_time('activity_date') }}

        union

        -- Days with rows of unknown accounts alone: a day ahead is the reason that comes first.
        select event_date
        from {{ known_issues }}
        where
            rejection_reason = 'unknown_account'
            and {{ is_out_of_time('event_date') }}
        {% if '_loaded_at' not in raw_table('usage_events').columns %}

            union

            -- Nothing says when rows came: those of the last 28 days may have been corrected.
            select raw_days.event_date
            from raw_days
            inner join last_day
                on raw_days.event_date > {{ dbt.dateadd('day', -28, 'last_day.event_date') }}
            where not {{ is_out_of_time('raw_days.event_date') }}
        {% endif %}

    )
{% endif %}

select
    days_to_read.event_date,
    cast(coalesce(raw_days.raw_rows, 0) as bigint) as raw_rows,
    raw_days.newest_loaded_at
from days_to_read
left join raw_days
    on days_to_read.event_date = raw_days.event_date
