{{ config(pre_hook="{{ delete_changed_metrics('sentiment') }}") }}

-- One row per account and score date: what people of the account, and its manager, say.
with

account_dates as (

    {{ account_dates_to_measure('sentiment') }}

),

survey_responses as (

    select
        *,
        {{ day_number('responded_at') }} as day_number
    from {{ ref('stg_survey_responses') }}
    where record_status = 'accepted'

),

csm_assessments as (

    select
        *,
        {{ day_number('assessed_at') }} as day_number
    from {{ ref('stg_csm_assessments') }}
    where record_status = 'accepted'

),

-- An answer counts until the same user answers again, at most for 180 days. An answer without a
-- user is a respondent of its own.
nps_periods as (

    select
        account_id,
        score,
        day_number as first_day_number,
        least(
            day_number + 179,
            coalesce(
                lead(day_number) over (
                    partition by
                        account_id,
                        user_id,
                        case when user_id is null then response_id end
                    order by responded_at, response_id
                ) - 1,
                day_number + 179
            )
        ) as last_day_number
    from survey_responses
    where survey_type = 'nps'

),

csm_periods as (

    select
        account_id,
        sentiment,
        day_number as first_day_number,
        least(
            day_number + 89,
            coalesce(
                lead(day_number) over (
                    partition by account_id
                    order by assessed_at, assessment_id
                ) - 1,
                day_number + 89
            )
        ) as last_day_number
    from csm_assessments

),

nps_totals as (

    select
        account_dates.account_id,
        account_dates.score_date,
        count(*) as respondents,
        sum(
            case
                when nps_periods.score >= 9 then 1
                when nps_periods.score <= 6 then -1
                else 0
            end
        ) as promoters_less_detractors
    from account_dates
    inner join nps_periods
        on
            account_dates.account_id = nps_periods.account_id
            and account_dates.day_number
            between nps_periods.first_day_number and nps_periods.last_day_number
    group by account_dates.account_id, account_dates.score_date

),

csat_totals as (

    select
        account_dates.account_id,
        account_dates.score_date,
        count(*) as answers,
        sum(survey_responses.score) as score_total
    from account_dates
    inner join survey_responses
        on
            account_dates.account_id = survey_responses.account_id
            and account_dates.day_number
            between survey_responses.day_number and survey_responses.day_number + 179
    where survey_responses.survey_type = 'csat'
    group by account_dates.account_id, account_dates.score_date

),

measured as (

    select
        account_dates.account_id,
        account_dates.score_date,
        {{ divide_exact(
            '100 * nps_totals.promoters_less_detractors', 'nps_totals.respondents', 6
        ) }} as nps_180d,
        {{ divide_exact('csat_totals.score_total', 'csat_totals.answers', 6, 6) }} as csat_180d,
        cast(csm_periods.sentiment as decimal(28, 6)) as csm_sentiment_90d,
        account_dates.inputs_fingerprint
    from account_dates
    left join nps_totals
        on
            account_dates.account_id = nps_totals.account_id
            and account_dates.score_date = nps_totals.score_date
    left join csat_totals
        on
            account_dates.account_id = csat_totals.account_id
            and account_dates.score_date = csat_totals.score_date
    left join csm_periods
        on
            account_dates.account_id = csm_periods.account_id
            and account_dates.day_number
            between csm_periods.first_day_number and csm_periods.last_day_number

)

select
    account_id,
    score_date,
    {% for column in metric_columns()['metrics_sentiment'] %}
        {{ metric_number(column) }} as {{ column }},
    {% endfor %}
    inputs_fingerprint
from measured
