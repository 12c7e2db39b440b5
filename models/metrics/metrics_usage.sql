{{ config(pre_hook="{{ delete_changed_metrics('usage') }}") }}

-- One row per account and score date: the adoption and engagement metrics. Each usage day enters a
-- 28-day window on the first score date on or after it, and leaves on the first score date at least
-- 28 days later; windows of 56 and 90 days alike. Adding at entry, subtracting at exit and taking a
-- running sum gives every rolling window in one pass. A row is kept while the fingerprint of its
-- inputs stays the same.
{#- Written out where it is used: a CTE that is used several times would be kept, of all usage. #}
{%- set usage_in_windows -%}
    {{ ref('usage_activity_daily') }} as usage_activity
    inner join spans
        on usage_activity.account_id = spans.account_id
    inner join counting_dates
        on {{ day_number('usage_activity.activity_date') }} = counting_dates.day_number
{%- endset %}
{%- set is_in_window -%}
    {{ day_number('usage_activity.activity_date') }}
    between spans.first_day_number and spans.last_day_number
    and counting_dates.enters_on < counting_dates.exits_28d_on
{%- endset %}
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

-- The last one is there for what counts on the last date to be measured.
dates as (

    select distinct day_number
    from account_dates

    union all

    select max(day_number) + 90 as day_number
    from account_dates

),

all_account_days as (

    select * from {{ ref('account_activity_daily') }}

),

usage_days as (

    select distinct day_number
    from all_account_days

),

counting_dates as (

    select
        usage_days.day_number,
        {% for days in [28, 56, 90] %}
            min(
                case
                    when usage_days.day_number + {{ days }} <= dates.day_number
                        then dates.day_number
                end
            ) as exits_{{ days }}d_on,
        {% endfor %}
        min(dates.day_number) as enters_on
    from usage_days
    inner join dates
        on usage_days.day_number <= dates.day_number
    group by usage_days.day_number

),

account_days as (

    select
        all_account_days.account_id,
        counting_dates.enters_on,
        counting_dates.exits_28d_on,
        counting_dates.exits_56d_on,
        counting_dates.exits_90d_on,
        min(all_account_days.day_number) as first_day_number,
        max(all_account_days.day_number) as last_day_number,
        cast(sum(all_account_days.events) as bigint) as events,
        sum(all_account_days.duration_seconds) as duration_seconds,
        count(all_account_days.duration_seconds) as timed_days,
        cast(sum(all_account_days.active_users) as bigint) as active_users,
        count(*) as active_days
    from all_account_days
    inner join spans
        on all_account_days.account_id = spans.account_id
    inner join counting_dates
        on all_account_days.day_number = counting_dates.day_number
    where
        all_account_days.day_number between spans.first_day_number and spans.last_day_number
    group by
        all_account_days.account_id,
        counting_dates.enters_on,
        counting_dates.exits_28d_on,
        counting_dates.exits_56d_on,
        counting_dates.exits_90d_on

),

-- But the last day with usage may lie before, and so may the first use of a set-up feature.
earlier_days as (

    select
        all_account_days.account_id,
        spans.first_day_number + 89 as enters_on,
        max(all_account_days.day_number) as last_day_number
    from all_account_days
    inner join spans
        on all_account_days.account_id = spans.account_id
    where all_account_days.day_number < spans.first_day_number
    group by all_account_days.account_id, spans.first_day_number

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
    from usage_days

),

user_days as (

    select distinct
        usage_activity.account_id,
        usage_activity.user_id,
        counting_dates.enters_on,
        counting_dates.exits_28d_on
    from {{ usage_in_windows }}
    where
        {{ is_in_window }}
        and usage_activity.user_id is not null

),

core_days as (

    select distinct
        usage_activity.account_id,
        usage_activity.feature,
        counting_dates.enters_on,
        counting_dates.exits_28d_on
    from {{ usage_in_windows }}
    inner join features
        on usage_activity.feature = features.feature
    where
        {{ is_in_window }}
        and features.is_core

),

compliance_days as (

    select distinct
        usage_activity.account_id,
        counting_dates.day_number,
        counting_dates.enters_on,
        counting_dates.exits_28d_on
    from {{ usage_in_windows }}
    inner join features
        on usage_activity.feature = features.feature
    where
        {{ is_in_window }}
        and features.is_compliance

),

user_spans as (

    select
        *,
        lag(exits_28d_on) over (
            partition by account_id, user_id order by enters_on, exits_28d_on
        ) as previous_exit_on,
        lead(enters_on) over (
            partition by account_id, user_id order by enters_on, exits_28d_on
        ) as next_entry_on
    from user_days

),

core_stays as (

    select
        *,
        lag(exits_28d_on) over (
            partition by account_id, feature order by enters_on, exits_28d_on
        ) as previous_exit_on,
        lead(enters_on) over (
            partition by account_id, feature order by enters_on, exits_28d_on
        ) as next_entry_on
    from core_days

),

setup_starts as (

    select
        usage_activity.account_id,
        usage_activity.feature,
        min(counting_dates.enters_on) as enters_on
    from {{ usage_in_windows }}
    inner join features
        on usage_activity.feature = features.feature
    where features.is_setup
    group by usage_activity.account_id, usage_activity.feature

),

-- A user or feature enters where it did not count already, and leaves where it does not go on.
moments as (

    {{ usage_moments('account_days', 'enters_on', {
        'events': 'events',
        'events_56d': 'events',
        'duration_seconds': 'duration_seconds',
        'timed_days': 'timed_days',
        'user_days': 'active_users',
        'active_days': 'active_days',
        'active_days_90d': 'active_days',
        'last_active_day': 'last_day_number',
    }) }}

    union all

    {{ usage_moments('account_days', 'exits_28d_on', {
        'events': '-events',
        'duration_seconds': '-duration_seconds',
        'timed_days': '-timed_days',
        'user_days': '-active_users',
        'active_days': '-active_days',
    }) }}

    union all

    {{ usage_moments('account_days', 'exits_56d_on', {'events_56d': '-events'}) }}

    union all

    {{ usage_moments('account_days', 'exits_90d_on', {
        'active_days_90d': '-active_days',
        'first_active_day': 'first_day_number',
    }) }}

    union all

    {{ usage_moments('earlier_days', 'enters_on', {'last_active_day': 'last_day_number'}) }}

    union all

    {{ usage_moments('compliance_days', 'enters_on', {'compliance_days': '1'}) }}

    union all

    {{ usage_moments('compliance_days', 'exits_28d_on', {'compliance_days': '-1'}) }}

    union all

    {{ usage_moments('user_spans', 'enters_on', {'distinct_users': '1'}) }}
    where previous_exit_on is null or previous_exit_on < enters_on

    union all

    {{ usage_moments('user_spans', 'exits_28d_on', {'distinct_users': '-1'}) }}
    where next_entry_on is null or next_entry_on > exits_28d_on

    union all

    {{ usage_moments('core_stays', 'enters_on', {'core_features': '1'}) }}
    where previous_exit_on is null or previous_exit_on < enters_on

    union all

    {{ usage_moments('core_stays', 'exits_28d_on', {'core_features': '-1'}) }}
    where next_entry_on is null or next_entry_on > exits_28d_on

    union all

    {{ usage_moments('setup_starts', 'enters_on', {'setup_features': '1'}) }}

    union all

    {{ usage_moments('account_dates', 'day_number', {}) }}

),

time_line as (

    select
        account_id,
        day_number,
        cast(sum(events) as bigint) as events,
        cast(sum(events_56d) as bigint) as events_56d,
        sum(duration_seconds) as duration_seconds,
        cast(sum(timed_days) as integer) as timed_days,
        cast(sum(user_days) as bigint) as user_days,
        cast(sum(active_days) as integer) as active_days,
        cast(sum(active_days_90d) as integer) as active_days_90d,
        max(last_active_day) as last_active_day,
        min(first_active_day) as first_active_day,
        cast(sum(compliance_days) as integer) as compliance_days,
        cast(sum(distinct_users) as bigint) as distinct_users,
        cast(sum(core_features) as integer) as core_features,
        cast(sum(setup_features) as integer) as setup_features
    from moments
    group by account_id, day_number

),

-- The first active day of a window is the first that has not left it, among those that leave later.
summed as (

    select
        account_id,
        day_number,
        cast(sum(events) over so_far as bigint) as events_28d,
        cast(sum(events_56d) over so_far as bigint) as events_56d,
        sum(duration_seconds) over so_far as duration_seconds_28d,
        cast(sum(timed_days) over so_far as integer) as timed_days_28d,
        cast(sum(user_days) over so_far as bigint) as user_days_28d,
        cast(sum(active_days) over so_far as integer) as active_days_28d,
        cast(sum(active_days_90d) over so_far as integer) as active_days_90d,
        max(last_active_day) over so_far as last_active_day,
        min(first_active_day) over later_dates as first_active_day_90d,
        cast(sum(compliance_days) over so_far as integer) as compliance_days_28d,
        cast(sum(distinct_users) over so_far as bigint) as users_28d,
        cast(sum(core_features) over so_far as integer) as core_features_28d,
        cast(sum(setup_features) over so_far as integer) as setup_features
    from time_line
    window
        so_far as (
            partition by account_id order by day_number
            rows between unbounded preceding and current row
        ),
        later_dates as (
            partition by account_id order by day_number
            rows between 1 following and unbounded following
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
        summed.events_56d - summed.events_28d as earlier_events_28d,
        case when summed.timed_days_28d > 0 then summed.duration_seconds_28d end
            as duration_seconds_28d,
        summed.user_days_28d,
        summed.active_days_28d,
        summed.compliance_days_28d,
        summed.active_days_90d,
        summed.first_active_day_90d,
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
                then {{ divide_exact('users_28d', 'seats', 6) }}
        end as licence_utilisation_28d,
        case
            when has_usage then {{ divide_exact('core_features_28d', 'core_features', 6) }}
        end as core_feature_adoption_28d,
        case
            when has_usage then {{ divide_exact('setup_features', 'listed_setup_features', 6) }}
        end as setup_completion,
        case
            when has_usage and compliance_features > 0
                then cast(compliance_days_28d as decimal(28, 6))
        end as compliance_feature_days_28d,
        case
            when has_usage then cast(active_days_28d as decimal(28, 6))
        end as active_days_28d,
        case
            when has_usage then {{ divide_exact('user_days_28d', '28 * users_28d', 6) }}
        end as stickiness_28d,
        case
            when has_usage then {{ divide_exact('duration_seconds_28d', '60 * users_28d', 6, 6) }}
        end as minutes_per_user_28d,
        case
            when
                has_usage
                and day_number - 55 >= created_day_number
                and day_number - 55 >= feed_first_day_number
                then {{ divide_exact(
                    '(events_28d - earlier_events_28d)', 'earlier_events_28d', 6
                ) }}
        end as usage_change_28d,
        case
            when has_usage
                then cast(
                    day_number - coalesce(last_active_day, created_day_number) as decimal(28, 6)
                )
        end as days_since_last_activity,
        case
            when has_usage
                then {{ divide_exact(
                    '(last_active_day - first_active_day_90d)', '(active_days_90d - 1)', 6
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
