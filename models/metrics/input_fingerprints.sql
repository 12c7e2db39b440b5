-- One row per account and score date: for each table of metrics, a fingerprint of all that its row
-- is computed from. Where it is what it was, the kept row stays; where it differs, the row is
-- computed again. A record counts from the day on that it can matter on: its first date.
with

account_dates as (

    select * from {{ ref('account_dates') }}

),

score_dates as (

    select * from {{ ref('score_dates') }}

),

features as (

    select sum({{ row_hash(
        ['feature', 'is_core', 'is_setup', 'is_compliance']
    ) }}) as fingerprint
    from {{ ref('features') }}

),

tickets as (

    select * from {{ ref('stg_support_tickets') }}
    where record_status = 'accepted'

),

survey_responses as (

    select * from {{ ref('stg_survey_responses') }}
    where record_status = 'accepted'

),

csm_assessments as (

    select * from {{ ref('stg_csm_assessments') }}
    where record_status = 'accepted'

),

subscriptions as (

    select * from {{ ref('stg_subscriptions') }}
    where record_status = 'accepted'

),

invoices as (

    select * from {{ ref('stg_invoices') }}
    where record_status = 'accepted'

),

records as (

    select
        account_id,
        day_number,
        fingerprint as usage_fingerprint,
        0 as support_fingerprint,
        0 as sentiment_fingerprint,
        0 as revenue_fingerprint
    from {{ ref('account_activity_daily') }}

    union all

    select
        account_id,
        {{ day_number('opened_at') }} as day_number,
        0 as usage_fingerprint,
        {{ row_hash([
            'ticket_id', 'opened_at', 'solved_at', 'is_urgent', 'is_reopened', 'csat_score',
        ]) }} as support_fingerprint,
        0 as sentiment_fingerprint,
        0 as revenue_fingerprint
    from tickets

    union all

    select
        account_id,
        {{ day_number('responded_at') }} as day_number,
        0 as usage_fingerprint,
        0 as support_fingerprint,
        {{ row_hash(['response_id', 'user_id', 'survey_type', 'score', 'responded_at']) }}
            as sentiment_fingerprint,
        0 as revenue_fingerprint
    from survey_responses

    union all

    select
        account_id,
        {{ day_number('assessed_at') }} as day_number,
        0 as usage_fingerprint,
        0 as support_fingerprint,
        {{ row_hash(['assessment_id', 'sentiment', 'assessed_at']) }}
            as sentiment_fingerprint,
        0 as revenue_fingerprint
    from csm_assessments

    union all

    select
        account_id,
        {{ day_number('started_on') }} as day_number,
        0 as usage_fingerprint,
        0 as support_fingerprint,
        0 as sentiment_fingerprint,
        {{ row_hash(['subscription_id', 'mrr', 'started_on', 'ended_on']) }}
            as revenue_fingerprint
    from subscriptions

    union all

    select
        account_id,
        {{ day_number('issued_on') }} as day_number,
        0 as usage_fingerprint,
        0 as support_fingerprint,
        0 as sentiment_fingerprint,
        {{ row_hash(['invoice_id', 'kind', 'amount', 'issued_on', 'due_on', 'paid_on']) }}
            as revenue_fingerprint
    from invoices

),

-- First record of each feed: before it, that feed's metrics are null for everyone.
first_days as (

    select
        (select min(day_number) from {{ ref('account_activity_daily') }}) as first_usage_day,
        (select min({{ day_number('opened_at') }}) from tickets) as first_ticket_day,
        (select min({{ day_number('paid_on') }}) from invoices) as first_payment_day

),

record_days as (

    select distinct day_number
    from records

),

-- A record counts from the first score date on that is not before it.
counting_dates as (

    select
        record_days.day_number,
        min(score_dates.score_date) as score_date
    from record_days
    inner join score_dates
        on record_days.day_number <= score_dates.day_number
    group by record_days.day_number

),

moments as (

    select
        records.account_id,
        counting_dates.score_date,
        records.usage_fingerprint,
        records.support_fingerprint,
        records.sentiment_fingerprint,
        records.revenue_fingerprint
    from records
    inner join counting_dates
        on records.day_number = counting_dates.day_number

    union all

    select
        account_id,
        score_date,
        0 as usage_fingerprint,
        0 as support_fingerprint,
        0 as sentiment_fingerprint,
        0 as revenue_fingerprint
    from account_dates

),

time_line as (

    select
        account_id,
        score_date,
        sum(usage_fingerprint) as usage_fingerprint,
        sum(support_fingerprint) as support_fingerprint,
        sum(sentiment_fingerprint) as sentiment_fingerprint,
        sum(revenue_fingerprint) as revenue_fingerprint
    from moments
    group by account_id, score_date

),

summed as (

    select
        account_id,
        score_date,
        sum(usage_fingerprint) over so_far as usage_fingerprint,
        sum(support_fingerprint) over so_far as support_fingerprint,
        sum(sentiment_fingerprint) over so_far as sentiment_fingerprint,
        sum(revenue_fingerprint) over so_far as revenue_fingerprint
    from time_line
    window
        so_far as (
            partition by account_id order by score_date
            rows between unbounded preceding and current row
        )

)

select
    account_dates.account_id,
    account_dates.score_date,
    {{ row_hash([
        'summed.usage_fingerprint', 'features.fingerprint', 'account_dates.seats',
        'account_dates.created_day_number', 'account_dates.feed_first_day_number',
        'first_days.first_usage_day <= account_dates.day_number',
    ]) }} as usage_fingerprint,
    {{ row_hash([
        'summed.support_fingerprint', 'account_dates.seats',
        'first_days.first_ticket_day <= account_dates.day_number',
    ]) }} as support_fingerprint,
    {{ row_hash(['summed.sentiment_fingerprint']) }} as sentiment_fingerprint,
    {{ row_hash([
        'summed.revenue_fingerprint', 'account_dates.mrr', 'account_dates.auto_renew_mrr',
        'account_dates.is_auto_renew_known', 'account_dates.renewal_date',
        'first_days.first_payment_day <= account_dates.day_number',
    ]) }} as revenue_fingerprint
from account_dates
inner join summed
    on
        account_dates.account_id = summed.account_id
        and account_dates.score_date = summed.score_date
cross join features
cross join first_days
