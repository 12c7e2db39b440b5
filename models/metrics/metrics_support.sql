{{ config(pre_hook="{{ delete_changed_metrics('support') }}") }}

-- One row per account and score date: the support metrics, null before the first ticket of anybody.
with

dates_to_measure as (

    {{ account_dates_to_measure('support') }}

),

-- Integer surrogate key: cheaper to join on than (account_id, score_date).
account_dates as (

    select
        *,
        row_number() over (order by account_id, score_date) as account_date_number
    from dates_to_measure

),

tickets as (

    select
        *,
        {{ day_number('opened_at') }} as opened_day_number,
        {{ day_number('solved_at') }} as solved_day_number,
        coalesce({{ day_number('solved_at') }} + 89, 1000000) as last_day_number,
        {{ microseconds_between('opened_at', 'solved_at') }} as resolution_microseconds
    from {{ ref('stg_support_tickets') }}
    where record_status = 'accepted'

),

first_ticket as (

    select min(opened_day_number) as first_day_number
    from tickets

),

-- Every ticket at every date that it matters for: opened or solved in the 90 days, or open.
ticket_dates as (

    select
        account_dates.account_date_number,
        tickets.is_urgent,
        tickets.is_reopened,
        tickets.csat_score,
        tickets.resolution_microseconds,
        account_dates.day_number - tickets.opened_day_number as age_days,
        tickets.opened_day_number >= account_dates.day_number - 89 as is_opened_in_90d,
        coalesce(
            tickets.solved_day_number between account_dates.day_number - 89
            and account_dates.day_number,
            false
        ) as is_solved_in_90d,
        tickets.solved_day_number is null
        or tickets.solved_day_number > account_dates.day_number as is_open
    from account_dates
    inner join tickets
        on
            account_dates.account_id = tickets.account_id
            and account_dates.day_number
            between tickets.opened_day_number and tickets.last_day_number

),

ticket_totals as (

    select
        account_date_number,
        sum(case when is_opened_in_90d then 1 else 0 end) as opened_90d,
        sum(case when is_opened_in_90d and is_urgent then 1 else 0 end) as urgent_90d,
        sum(case when is_opened_in_90d and is_reopened then 1 else 0 end) as reopened_90d,
        sum(case when is_open then 1 else 0 end) as open_tickets,
        max(case when is_open then age_days else 0 end) as oldest_open_days,
        max(case when is_open and is_urgent then age_days else 0 end) as oldest_urgent_days,
        sum(case when is_solved_in_90d then csat_score end) as csat_total,
        sum(case when is_solved_in_90d and csat_score is not null then 1 else 0 end) as csat_answers
    from ticket_dates
    group by account_date_number

),

ranked_resolutions as (

    select
        account_date_number,
        resolution_microseconds,
        row_number() over (
            partition by account_date_number
            order by resolution_microseconds
        ) as duration_rank,
        count(*) over (partition by account_date_number) as solved_90d
    from ticket_dates
    where is_solved_in_90d

),

-- The middle one or the middle two.
median_resolutions as (

    select
        account_date_number,
        sum(resolution_microseconds) as middle_microseconds,
        count(*) as middle_tickets
    from ranked_resolutions
    where duration_rank in (floor((solved_90d + 1) / 2), floor((solved_90d + 2) / 2))
    group by account_date_number

),

on_grid as (

    select
        account_dates.account_id,
        account_dates.score_date,
        account_dates.seats,
        account_dates.inputs_fingerprint,
        coalesce(ticket_totals.opened_90d, 0) as opened_90d,
        coalesce(ticket_totals.urgent_90d, 0) as urgent_90d,
        coalesce(ticket_totals.reopened_90d, 0) as reopened_90d,
        coalesce(ticket_totals.open_tickets, 0) as open_tickets,
        coalesce(ticket_totals.oldest_open_days, 0) as oldest_open_days,
        coalesce(ticket_totals.oldest_urgent_days, 0) as oldest_urgent_days,
        ticket_totals.csat_total,
        ticket_totals.csat_answers,
        median_resolutions.middle_microseconds,
        median_resolutions.middle_tickets,
        coalesce(
            first_ticket.first_day_number <= account_dates.day_number, false
        ) as has_tickets
    from account_dates
    cross join first_ticket
    left join ticket_totals
        on account_dates.account_date_number = ticket_totals.account_date_number
    left join median_resolutions
        on account_dates.account_date_number = median_resolutions.account_date_number

),

measured as (

    select
        account_id,
        score_date,
        case
            when has_tickets then {{ divide_exact('100 * opened_90d', 'seats', 6) }}
        end as tickets_per_100_seats_90d,
        case
            when has_tickets then {{ divide_exact('urgent_90d', 'opened_90d', 6) }}
        end as urgent_ticket_share_90d,
        case
            when has_tickets then cast(open_tickets as decimal(28, 6))
        end as open_tickets,
        case
            when has_tickets then cast(oldest_open_days as decimal(28, 6))
        end as oldest_open_ticket_days,
        case
            when has_tickets then cast(oldest_urgent_days as decimal(28, 6))
        end as oldest_urgent_ticket_days,
        case
            when has_tickets
                then {{ divide_exact('middle_microseconds', '3600000000 * middle_tickets', 6) }}
        end as median_resolution_hours_90d,
        case
            when has_tickets then {{ divide_exact('reopened_90d', 'opened_90d', 6) }}
        end as reopened_ticket_share_90d,
        case
            when has_tickets then {{ divide_exact('csat_total', 'csat_answers', 6, 6) }}
        end as ticket_csat_90d,
        inputs_fingerprint
    from on_grid

)

select
    account_id,
    score_date,
    {% for column in metric_columns()['metrics_support'] %}
        {{ metric_number(column) }} as {{ column }},
    {% endfor %}
    inputs_fingerprint
from measured
