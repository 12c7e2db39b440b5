{{ config(pre_hook="{{ forget_changed_metrics('usage') }}") }}

-- One row per account and score date: the adoption and engagement metrics. Everything that moves a
-- metric is laid on one time line per account (days with usage; a user or feature entering and
-- leaving the 28-day window), the score dates among them, and summed up in windows of days. Kept
-- while the fingerprint of its inputs stays: only rows that are not there are computed.
with

account_dates as (

    {{ account_dates_to_measure('usage') }}

),

-- No window reaches back further than 90 days.
spans as (

    select
        account_id,
        min(day_number) - 89 as first_day_number,
        max(day_number) as last_day_number
    from account_dates
    group by account_id

),

all_account_days as (

    select * from {{ ref('account_activity_daily') }}

),

account_days as (

    select all_account_days.*
    from all_account_days
    inner join spans
        on all_account_days.account_id = spans.account_id
    where
        all_account_days.day_number between spans.first_day_number and spans.last_day_number

),

-- But the last day with usage may lie before, and so may the first use of a set-up feature.
earlier_days as (

    select
        all_account_days.account_id,
        max(all_account_days.day_number) as day_number
    from all_account_days
    inner join spans
        on all_account_days.account_id = spans.account_id
    where all_account_days.day_number < spans.first_day_number
    group by all_account_days.account_id

),

all_usage_activity as (

    select
        *,
        {{ day_number('activity_date') }} as day_number
    from {{ ref('usage_activity_daily') }}

),

usage_activity as (

    select all_usage_activity.*
    from all_usage_activity
    inner join spans
        on all_usage_activity.account_id = spans.account_id
    where
        all_usage_activity.day_number between spans.first_day_number and spans.last_day_number

),

features as (

    select * from {{ ref('features') }}

),

feature_counts as (

    select
        sum(case when is_core then 1 else 0 end) as core_features,
        sum(case when is_setup then 1 else 0 end) as setup_features,
        sum(case when is_compliance then 1 else 0 end) as compliance_features
    from features

),

first_usage as (

    select min(day_number) as first_day_number
    from all_account_days

),

user_days as (

    select
        account_id,
        user_id,
        day_number
    from usage_activity
    where user_id is not null
    group by account_id, user_id, day_number

),

feature_days as (

    select
        usage_activity.account_id,
        usage_activity.feature,
        usage_activity.day_number,
        features.is_core,
        features.is_compliance
    from usage_activity
    inner join features
        on usage_activity.feature = features.feature
    where
        features.is_core
        or features.is_compliance
    group by
        usage_activity.account_id,
        usage_activity.feature,
        usage_activity.day_number,
        features.is_core,
        features.is_compliance

),

user_gaps as (

    select
        *,
        day_number - lag(day_number) over (
            partition by account_id, user_id order by day_number
        ) as days_since_before,
        lead(day_number) over (
            partition by account_id, user_id order by day_number
        ) - day_number as days_until_next
    from user_days

),

core_gaps as (

    select
        *,
        day_number - lag(day_number) over (
            partition by account_id, feature order by day_number
        ) as days_since_before,
        lead(day_number) over (
            partition by account_id, feature order by day_number
        ) - day_number as days_until_next
    from feature_days
    where is_core

),

setup_starts as (

    select
        all_usage_activity.account_id,
        all_usage_activity.feature,
        min(all_usage_activity.day_number) as day_number
    from all_usage_activity
    inner join features
        on all_usage_activity.feature = features.feature
    inner join spans
        on all_usage_activity.account_id = spans.account_id
    where features.is_setup
    group by all_usage_activity.account_id, all_usage_activity.feature

),

compliance_days as (

    select distinct
        account_id,
        day_number
    from feature_days
    where is_compliance

),

-- A user or feature seen on day d is in the windows that end on d .. d + 27: it enters on d unless
-- it was in already, and leaves on d + 28 unless it was seen again by then.
moments as (

    {{ usage_moments('account_days', {
        'events': 'events',
        'duration_seconds': 'duration_seconds',
        'active_users': 'active_users',
        'active_day_number': 'day_number',
        'active_days': '1',
    }) }}

    union all

    {{ usage_moments('earlier_days', {'active_day_number': 'day_number'}) }}

    union all

    {{ usage_moments('compliance_days', {'compliance_days': '1'}) }}

    union all

    {{ usage_moments('user_gaps', {'users_change': '1'}) }}
    where days_since_before is null or days_since_before >= 28

    union all

    {{ usage_moments('user_gaps', {'users_change': '-1'}, 'day_number + 28') }}
    where days_until_next is null or days_until_next >= 28

    union all

    {{ usage_moments('core_gaps', {'core_features_change': '1'}) }}
    where days_since_before is null or days_since_before >= 28

    union all

    {{ usage_moments('core_gaps', {'core_features_change': '-1'}, 'day_number + 28') }}
    where days_until_next is null or days_until_next >= 28

    union all

    {{ usage_moments('setup_starts', {'setup_features_change': '1'}) }}

    union all

    {{ usage_moments('account_dates', {}) }}

),

time_line as (

    select
        account_id,
        day_number,
        cast(sum(events) as bigint) as events,
        sum(duration_seconds) as duration_seconds,
        cast(sum(active_users) as bigint) as active_users,
        max(active_day_number) as active_day_number,
        max(active_days) as active_days,
        max(compliance_days) as compliance_days,
        cast(sum(users_change) as integer) as users_change,
        cast(sum(core_features_change) as integer) as core_features_change,
        cast(sum(setup_features_change) as integer) as setup_features_change
    from moments
    group by account_id, day_number

),

summed as (

    select
        account_id,
        day_number,
        cast(sum(events) over last_28_days as bigint) as events_28d,
        cast(sum(events) over earlier_28_days as bigint) as earlier_events_28d,
        sum(duration_seconds) over last_28_days as duration_seconds_28d,
        cast(sum(active_users) over last_28_days as bigint) as user_days_28d,
        cast(sum(active_days) over last_28_days as integer) as active_days_28d,
        cast(sum(compliance_days) over last_28_days as integer) as compliance_days_28d,
        cast(sum(active_days) over last_90_days as integer) as active_days_90d,
        min(active_day_number) over last_90_days as first_active_day_90d,
        max(active_day_number) over last_90_days as last_active_day_90d,
        max(active_day_number) over so_far as last_active_day,
        cast(sum(users_change) over so_far as bigint) as users_28d,
        cast(sum(core_features_change) over so_far as integer) as core_features_28d,
        cast(sum(setup_features_change) over so_far as integer) as setup_features
    from time_line
    window
        last_28_days as (
            partition by account_id order by day_number
            range between 27 preceding and current row
        ),
        earlier_28_days as (
            partition by account_id order by day_number
            range between 55 preceding and 28 preceding
        ),
        last_90_days as (
            partition by account_id order by day_number
            range between 89 preceding and current row
        ),
        so_far as (
            partition by account_id order by day_number
            range between unbounded preceding and current row
        )

),

-- Without any usage up to the date the input says nothing, not even zero.
on_grid as (

    select
        account_dates.account_id,
        account_dates.score_date,
        account_dates.day_number,
        account_dates.created_day_number,
        account_dates.feed_first_day_number,
        account_dates.seats,
        account_dates.inputs_fingerprint,
        summed.events_28d,
        coalesce(summed.earlier_events_28d, 0) as earlier_events_28d,
        summed.duration_seconds_28d,
        summed.user_days_28d,
        summed.active_days_28d,
        summed.compliance_days_28d,
        summed.active_days_90d,
        summed.first_active_day_90d,
        summed.last_active_day_90d,
        summed.last_active_day,
        summed.users_28d,
        summed.core_features_28d,
        summed.setup_features,
        feature_counts.core_features,
        feature_counts.setup_features as listed_setup_features,
        feature_counts.compliance_features,
        coalesce(
            first_usage.first_day_number <= account_dates.day_number, false
        ) as has_usage
    from account_dates
    inner join summed
        on
            account_dates.account_id = summed.account_id
            and account_dates.day_number = summed.day_number
    cross join feature_counts
    cross join first_usage

),

measured as (

    select
        account_id,
        score_date,
        case
            when has_usage and (users_28d > 0 or events_28d = 0)
                then {{ exact_ratio('users_28d', 'seats', 6) }}
        end as licence_utilisation_28d,
        case
            when has_usage then {{ exact_ratio('core_features_28d', 'core_features', 6) }}
        end as core_feature_adoption_28d,
        case
            when has_usage then {{ exact_ratio('setup_features', 'listed_setup_features', 6) }}
        end as setup_completion,
        case
            when has_usage and compliance_features > 0
                then cast(compliance_days_28d as decimal(28, 6))
        end as compliance_feature_days_28d,
        case
            when has_usage then cast(active_days_28d as decimal(28, 6))
        end as active_days_28d,
        case
            when has_usage then {{ exact_ratio('user_days_28d', '28 * users_28d', 6) }}
        end as stickiness_28d,
        case
            when has_usage then {{ exact_ratio('duration_seconds_28d', '60 * users_28d', 6, 6) }}
        end as minutes_per_user_28d,
        case
            when
                has_usage
                and day_number - 55 >= created_day_number
                and day_number - 55 >= feed_first_day_number
                then {{ exact_ratio('(events_28d - earlier_events_28d)', 'earlier_events_28d', 6) }}
        end as usage_change_28d,
        case
            when has_usage
                then cast(
                    day_number - coalesce(last_active_day, created_day_number) as decimal(28, 6)
                )
        end as days_since_last_activity,
        case
            when has_usage
                then {{ exact_ratio(
                    '(last_active_day_90d - first_active_day_90d)', '(active_days_90d - 1)', 6
                ) }}
        end as login_interval_days_90d,
        inputs_fingerprint
    from on_grid

)

select
    account_id,
    score_date,
    {% for column in metric_columns()['metrics_usage'] %}
        {{ metric_number(column) }} as {{ column }},
    {% endfor %}
    inputs_fingerprint
from measured
