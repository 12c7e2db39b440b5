{{ config(pre_hook="{{ delete_changed_metrics('revenue') }}") }}

-- One row per account and score date: the revenue and renewal metrics.
with

dates_to_measure as (

    {{ account_dates_to_measure('revenue') }}

),

-- Integer surrogate key: cheaper to join on than (account_id, score_date).
account_dates as (

    select
        *,
        row_number() over (order by account_id, score_date) as account_date_number
    from dates_to_measure

),

subscriptions as (

    select
        *,
        {{ day_number('started_on') }} as started_day_number,
        {{ day_number('ended_on') }} as ended_day_number
    from {{ ref('stg_subscriptions') }}
    where record_status = 'accepted'

),

invoices as (

    select
        *,
        {{ day_number('issued_on') }} as issued_day_number,
        {{ day_number('due_on') }} as due_day_number,
        {{ day_number('paid_on') }} as paid_day_number
    from {{ ref('stg_invoices') }}
    where record_status = 'accepted'

),

first_payment as (

    select min(paid_day_number) as first_day_number
    from invoices

),

invoice_totals as (

    select
        account_dates.account_date_number,
        max(
            case
                when
                    invoices.kind = 'recurring'
                    and invoices.amount > 0
                    and invoices.due_day_number < account_dates.day_number
                    and (
                        invoices.paid_day_number is null
                        or invoices.paid_day_number > account_dates.day_number
                    )
                    then account_dates.day_number - invoices.due_day_number
                else 0
            end
        ) as days_overdue,
        {% for kind in ['recurring', 'one_off'] %}
            cast(sum(
                case
                    when
                        invoices.kind = '{{ kind }}'
                        and invoices.issued_day_number >= account_dates.day_number - 364
                        then invoices.amount
                    else 0
                end
            ) as decimal(28, 6)) as {{ kind }}_365d,
        {% endfor %}
        cast(sum(
            case
                when
                    invoices.kind = 'credit'
                    and invoices.issued_day_number >= account_dates.day_number - 364
                    then abs(invoices.amount)
                else 0
            end
        ) as decimal(28, 6)) as credits_365d
    from account_dates
    inner join invoices
        on
            account_dates.account_id = invoices.account_id
            and account_dates.day_number >= invoices.issued_day_number
    group by account_dates.account_date_number

),

-- Days on which one subscription ended and another one took over the same or the next day. They
-- count from the first day with the new one in force.
renewal_days as (

    select distinct
        ended.account_id,
        ended.ended_day_number as day_number,
        ended.ended_day_number + 1 as known_day_number
    from subscriptions as ended
    inner join subscriptions as next_term
        on
            ended.account_id = next_term.account_id
            and ended.subscription_id <> next_term.subscription_id
            and next_term.started_day_number
            between ended.ended_day_number and ended.ended_day_number + 1
            and (
                next_term.ended_day_number is null
                or next_term.ended_day_number > ended.ended_day_number + 1
            )

),

mrr_changes as (

    select
        account_id,
        started_day_number as day_number,
        mrr as mrr_change
    from subscriptions
    where
        mrr is not null
        and (ended_day_number is null or ended_day_number > started_day_number)

    union all

    select
        account_id,
        ended_day_number as day_number,
        -mrr as mrr_change
    from subscriptions
    where
        mrr is not null
        and ended_day_number > started_day_number

),

daily_mrr_changes as (

    select
        account_id,
        day_number,
        cast(sum(mrr_change) as decimal(28, 6)) as mrr_change
    from mrr_changes
    group by account_id, day_number

),

mrr_levels as (

    select
        account_id,
        day_number,
        mrr_change,
        cast(
            sum(mrr_change) over (
                partition by account_id
                order by day_number
                rows between unbounded preceding and current row
            ) as decimal(28, 6)
        ) as mrr,
        coalesce(
            lead(day_number) over (
                partition by account_id
                order by day_number
            ) - 1,
            1000000
        ) as last_day_number
    from daily_mrr_changes

),

known_growth as (

    select
        account_id,
        day_number,
        day_number as known_day_number
    from mrr_levels
    where
        mrr_change > 0
        and mrr - mrr_change > 0

    union all

    select
        account_id,
        day_number,
        known_day_number
    from renewal_days

),

growth_days as (

    select
        account_id,
        day_number,
        min(known_day_number) as known_day_number
    from known_growth
    group by account_id, day_number

),

growth_totals as (

    select
        account_dates.account_date_number,
        count(*) as growth_days
    from account_dates
    inner join growth_days
        on
            account_dates.account_id = growth_days.account_id
            and account_dates.day_number >= growth_days.known_day_number
            and growth_days.day_number >= account_dates.day_number - 364
    group by account_dates.account_date_number

),

-- MRR of 90 days before is the last level reached until then.
on_grid as (

    select
        account_dates.account_id,
        account_dates.score_date,
        account_dates.mrr,
        case
            when account_dates.is_auto_renew_known then coalesce(account_dates.auto_renew_mrr, 0)
        end as auto_renew_mrr,
        {{ day_number('account_dates.renewal_date') }} - account_dates.day_number
            as days_to_renewal,
        mrr_levels.mrr as earlier_mrr,
        account_dates.mrr - mrr_levels.mrr as mrr_change,
        case
            when first_payment.first_day_number <= account_dates.day_number
                then invoice_totals.days_overdue
        end as days_overdue,
        greatest(
            invoice_totals.recurring_365d - invoice_totals.credits_365d, 0
        ) as recurring_365d,
        invoice_totals.recurring_365d + invoice_totals.one_off_365d - invoice_totals.credits_365d
            as revenue_365d,
        coalesce(growth_totals.growth_days, 0) as growth_days,
        account_dates.inputs_fingerprint
    from account_dates
    cross join first_payment
    left join mrr_levels
        on
            account_dates.account_id = mrr_levels.account_id
            and account_dates.day_number - 90 >= mrr_levels.day_number
            and account_dates.day_number - 90 <= mrr_levels.last_day_number
    left join invoice_totals
        on account_dates.account_date_number = invoice_totals.account_date_number
    left join growth_totals
        on account_dates.account_date_number = growth_totals.account_date_number

),

with_recurring as (

    select
        *,
        least(recurring_365d, revenue_365d) as recurring_revenue_365d
    from on_grid

),

measured as (

    select
        account_id,
        score_date,
        {{ divide_exact('mrr_change', 'earlier_mrr', 6, 6) }} as mrr_change_90d,
        cast(days_overdue as decimal(28, 6)) as days_overdue,
        {{ divide_exact('recurring_revenue_365d', 'revenue_365d', 6, 6) }}
            as recurring_revenue_share_365d,
        days_to_renewal,
        {{ divide_exact('auto_renew_mrr', 'mrr', 6, 6) }} as auto_renew_share,
        cast(growth_days as decimal(28, 6)) as renewals_and_upsells_365d,
        inputs_fingerprint
    from with_recurring

)

select
    account_id,
    score_date,
    {% for column in metric_columns()['metrics_revenue'] %}
        {{ metric_number(column) }} as {{ column }},
    {% endfor %}
    inputs_fingerprint
from measured
