-- One row per date that is scored: the last 29 days up to the as-of date, and the Sundays before
-- them. A day with almost no active accounts cannot become the as-of date.
with

account_days as (

    select * from {{ ref('account_activity_daily') }}
    where activity_date < cast('{{ run_date() }}' as date)

),

other_records as (

    select cast(opened_at as date) as record_date
    from {{ ref('stg_support_tickets') }}
    where record_status = 'accepted'

    union all

    select cast(responded_at as date) as record_date
    from {{ ref('stg_survey_responses') }}
    where record_status = 'accepted'

    union all

    select issued_on as record_date
    from {{ ref('stg_invoices') }}
    where record_status = 'accepted'

),

usage_days as (

    select
        activity_date,
        count(*) as active_accounts,
        row_number() over (order by activity_date) as day_index,
        row_number() over (order by count(*), activity_date) as size_rank,
        count(*) over () as day_count
    from account_days
    group by activity_date

),

-- Medians are kept doubled, so that they stay whole.
overall_median as (

    select case count(*) when 1 then 2 else 1 end * sum(active_accounts) as doubled_median
    from usage_days
    where size_rank in (floor((day_count + 1) / 2), floor((day_count + 2) / 2))

),

following_days as (

    select
        usage_days.activity_date,
        later_days.active_accounts,
        count(*) over (partition by usage_days.activity_date) as day_count,
        row_number() over (
            partition by usage_days.activity_date
            order by later_days.active_accounts, later_days.activity_date
        ) as size_rank
    from usage_days
    inner join usage_days as later_days
        on
            usage_days.day_index + 1 <= later_days.day_index
            and usage_days.day_index + 28 >= later_days.day_index

),

following_medians as (

    select
        activity_date,
        case count(*) when 1 then 2 else 1 end * sum(active_accounts) as doubled_median
    from following_days
    where size_rank in (floor((day_count + 1) / 2), floor((day_count + 2) / 2))
    group by activity_date

),

-- Nothing follows the last day: it stands for the days after it.
days_with_enough_accounts as (

    select
        usage_days.activity_date,
        {{ has_enough_active_accounts(
            'usage_days.active_accounts', 'overall_median.doubled_median'
        ) }} as carries_all_days,
        {{ has_enough_active_accounts(
            'usage_days.active_accounts', 'coalesce(following_medians.doubled_median, 0)'
        ) }} as carries_later_days
    from usage_days
    cross join overall_median
    left join following_medians
        on usage_days.activity_date = following_medians.activity_date

),

usage_bounds as (

    select
        min(case when carries_later_days then activity_date end) as first_date,
        max(case when carries_all_days then activity_date end) as last_date
    from days_with_enough_accounts

),

other_bounds as (

    select
        min(record_date) as first_date,
        max(record_date) as last_date
    from other_records
    where record_date < cast('{{ run_date() }}' as date)

),

bounds as (

    select
        coalesce(usage_bounds.first_date, other_bounds.first_date) as feed_first_date,
        {{ as_of_date(
            'coalesce(usage_bounds.last_date, other_bounds.last_date, {yesterday})'
        ) }} as as_of_date
    from usage_bounds
    cross join other_bounds

),

usage_through as (

    select max(account_days.activity_date) as data_through
    from {{ ref('account_activity_daily') }} as account_days
    inner join bounds
        on account_days.activity_date <= bounds.as_of_date

),

days_back as (

    select generated_number - 1 as days_back
    from ({{ dbt.generate_series([29, history_days()] | max) }}) as numbers

),

candidates as (

    select
        days_back.days_back,
        bounds.as_of_date,
        bounds.feed_first_date,
        cast(
            {{ dbt.dateadd('day', '-days_back', 'bounds.as_of_date') }} as date
        ) as score_date
    from bounds
    cross join days_back

),

kept_dates as (

    select
        candidates.score_date,
        candidates.as_of_date,
        candidates.feed_first_date,
        {{ day_number('candidates.score_date') }} as day_number
    from candidates
    where
        -- 2000-01-02, day number 1, was a Sunday.
        (
            candidates.days_back <= 28
            or (
                candidates.days_back < {{ history_days() }}
                and {{ day_number('candidates.score_date') }} % 7 = 1
            )
        )
        and (
            candidates.feed_first_date is null
            or candidates.score_date >= candidates.feed_first_date
        )

),

-- "N days earlier" is the newest score date at or before then, at most 6 days older.
earlier_dates as (

    select
        {% for days in comparison_days() %}
            max(
                case
                    when
                        earlier.day_number
                        between kept_dates.day_number - {{ days + 6 }}
                        and kept_dates.day_number - {{ days }}
                        then earlier.score_date
                end
            ) as date_{{ days }}d_earlier,
        {% endfor %}
        kept_dates.score_date
    from kept_dates
    cross join kept_dates as earlier
    group by kept_dates.score_date

)

select
    kept_dates.score_date,
    kept_dates.day_number,
    kept_dates.as_of_date,
    kept_dates.feed_first_date,
    {{ day_number('kept_dates.feed_first_date') }} as feed_first_day_number,
    {% for days in comparison_days() %}
        earlier_dates.date_{{ days }}d_earlier,
    {% endfor %}
    usage_through.data_through
from kept_dates
inner join earlier_dates
    on kept_dates.score_date = earlier_dates.score_date
cross join usage_through
