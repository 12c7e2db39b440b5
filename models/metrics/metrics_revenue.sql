{{ config(pre_hook="{{ forget_changed_metrics('revenue') }}") }}

-- One row per account and score date: the revenue and renewal metrics.
with

account_dates as (

    {{ account_dates_to_measure('revenue') }}

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

earlier_mrr as (

    select
        account_dates.account_id,
        account_dates.score_date,
        cast(sum(subscriptions.mrr) as decimal(28, 6)) as mrr
    from account_dates
    inner join subscriptions
        on
            account_dates.account_id = subscriptions.account_id
            and account_dates.day_number - 90 >= subscriptions.started_day_number
            and (
                subscriptions.ended_day_number is null
                or subscriptions.ended_day_number > account_dates.day_number - 90
            )
    group by account_dates.account_id, account_dates.score_date

),

first_payment as (

    select min(paid_day_number) as first_day_number
    from invoices

),

invoice_totals as (

    select
        account_dates.account_id,
        account_dates.score_date,
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
    group by account_dates.account_id, account_dates.score_date

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
        sum(mrr_change) over (
            partition by account_id
            order by day_number
            rows between unbounded preceding and current row
        ) as mrr
    from daily_mrr_changes

),

growth_days as (

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

growth_totals as (

    select
        account_dates.account_id,
        account_dates.score_date,
        count(distinct growth_days.day_number) as growth_days
    from account_dates
    inner join growth_days
        on
            account_dates.account_id = growth_days.account_id
            and account_dates.day_number >= growth_days.known_day_number
            and growth_days.day_number >= account_dates.day_number - 364
    group by account_dates.account_id, account_dates.score_date

),

measured as (

    select
        account_dates.account_id,
        account_dates.score_date,
        {{ exact_ratio('(account_dates.mrr - earlier_mrr.mrr)', 'earlier_mrr.mrr', 6, 6) }}
            as mrr_change_90d,
        case
            when first_payment.first_day_number <= account_dates.day_number
                then cast(invoice_totals.days_overdue as decimal(28, 6))
        end as days_overdue,
        {% set revenue_365d = 'invoice_totals.recurring_365d + invoice_totals.one_off_365d'
            ~ ' - invoice_totals.credits_365d' -%}
        {{ exact_ratio(
            'least(greatest(invoice_totals.recurring_365d - invoice_totals.credits_365d, 0), '
            ~ revenue_365d ~ ')',
            '(' ~ revenue_365d ~ ')', 6, 6
        ) }} as recurring_revenue_share_365d,
        {{ day_number('account_dates.renewal_date') }} - account_dates.day_number
            as days_to_renewal,
        case
            when account_dates.is_auto_renew_known
                then {{ exact_ratio(
                    'coalesce(account_dates.auto_renew_mrr, 0)', 'account_dates.mrr', 6, 6
                ) }}
        end as auto_renew_share,
        cast(coalesce(growth_totals.growth_days, 0) as decimal(28, 6)) as renewals_and_upsells_365d,
        account_dates.inputs_fingerprint
    from account_dates
    cross join first_payment
    left join earlier_mrr
        on
            account_dates.account_id = earlier_mrr.account_id
            and account_dates.score_date = earlier_mrr.score_date
    left join invoice_totals
        on
            account_dates.account_id = invoice_totals.account_id
            and account_dates.score_date = invoice_totals.score_date
    left join growth_totals
        on
            account_dates.account_id = growth_totals.account_id
            and account_dates.score_date = growth_totals.score_date

)

select
    account_id,
    score_date,
    {% for column in metric_columns()['metrics_revenue'] %}
        {{ metric_number(column) }} as {{ column }},
    {% endfor %}
    inputs_fingerprint
from measured
