-- The yardstick of tools/benchmark.py: the metrics and scores of the project, from the same raw
-- files and the same scoring seeds, as fast as DuckDB allows. No dbt, no data tests, no history of
-- runs. Its tables equal those of a full build value for value; the benchmark compares them.
--
-- Set before it runs: the variables raw_dir, seed_dir and run_date.
--
-- What it leaves out, which the project does: text is taken as it comes (not trimmed, no words for
-- nothing), raw columns have to be typed already, and no row is judged. Instead, a check stops the
-- script where any row would be refused or lose a cell. Records that were sent several times are
-- no problem: the newest counts. The column inputs_fingerprint of the metrics, by which the project
-- finds what changed, is not made. Dates are kept for 52 weeks, the project's default.
--
-- How it is fast: every record is turned into the range of score dates on which it counts, once. It
-- adds its numbers at the first date of the range and takes them off after the last; a running sum
-- per account is then every window of every metric. Dates and accounts are numbered, and values
-- are whole millionths until they are written.

set preserve_insertion_order = false;
set TimeZone = 'UTC';

create schema metrics;
create schema marts;

-- ------------------------------------------------------------------------------- arithmetic

-- numerator / denominator x scale, rounded half away from zero; null unless denominator > 0.
create temp macro ratio(numerator, denominator, scale) as
    case
        when denominator > 0
            then (
                2 * scale * numerator
                + case when numerator < 0 then -denominator else denominator end
            ) // (2 * denominator)
    end;

create temp macro millionths(amount) as cast(amount * 1000000 as bigint);

-- In the reporting currency; a blank one is that.
create temp macro reporting(amount, rate) as
    millionths(
        cast(
            cast(amount as decimal(24, 6)) * coalesce(rate, cast(1 as decimal(18, 8)))
            as decimal(18, 6)
        )
    );

create temp macro day_of(moment) as cast(cast(moment as date) - date '2000-01-01' as integer);

-- A metric as it is published: decimal(18, 6).
create temp macro published(amount) as
    cast(
        case
            when amount > 999999999999999999 then 999999999999999999
            when amount < -999999999999999999 then -999999999999999999
            else cast(amount as decimal(18, 0))
        end
        * cast(0.000001 as decimal(6, 6)) as decimal(18, 6)
    );

-- Shares, points and scores as they are published, from whole millionths and hundredths.
create temp macro sixth(amount) as
    cast(cast(amount as decimal(9, 0)) * cast(0.000001 as decimal(6, 6)) as decimal(9, 6));

create temp macro hundredth(amount) as
    cast(cast(amount as decimal(5, 0)) * cast(0.01 as decimal(2, 2)) as decimal(5, 2));

create temp macro text_of(cell) as coalesce(cast(cell as varchar), '');

-- ------------------------------------------------------------------------------- seeds

create temp table features as
select *
from read_csv(
    getvariable('seed_dir') || '/features.csv',
    types = {'is_core': 'boolean', 'is_setup': 'boolean', 'is_compliance': 'boolean'}
);

create temp table currencies as
select *
from read_csv(getvariable('seed_dir') || '/currencies.csv', types = {'rate': 'decimal(18, 8)'});

create temp table segments as
select *
from read_csv(getvariable('seed_dir') || '/segments.csv', types = {
    'priority': 'integer', 'segment': 'varchar', 'is_trial': 'boolean', 'industry': 'varchar',
    'plan': 'varchar', 'min_tenure_days': 'integer', 'max_tenure_days': 'integer',
    'min_mrr': 'decimal(18, 6)', 'max_mrr': 'decimal(18, 6)', 'min_seats': 'integer',
    'max_seats': 'integer'
});

create temp table catalogue as
select *
from read_csv(getvariable('seed_dir') || '/metrics.csv', types = {'metric': 'varchar'});

create temp table scorecards as
select *
from read_csv(
    getvariable('seed_dir') || '/scorecards.csv', types = {'min_coverage': 'decimal(9, 6)'}
);

create temp table scorecard_metrics as
select *
from read_csv(getvariable('seed_dir') || '/scorecard_metrics.csv', types = {
    'weight': 'decimal(12, 6)', 'poor_at': 'decimal(18, 6)', 'healthy_at': 'decimal(18, 6)',
    'score_if_missing': 'decimal(9, 4)'
});

create temp table score_caps as
select *
from read_csv(getvariable('seed_dir') || '/score_caps.csv', types = {
    'worse_than': 'decimal(18, 6)', 'max_score': 'decimal(9, 2)'
});

create temp table grades as
select *
from read_csv(getvariable('seed_dir') || '/grades.csv', types = {'min_score': 'decimal(9, 2)'});

-- ------------------------------------------------------------------------------- records

-- The newest version of every record; accounts get a number.
create temp table accounts as
select cast(row_number() over (order by account_id) as integer) as account, *
from (
    from read_parquet(getvariable('raw_dir') || '/accounts/*.parquet')
    qualify row_number() over (
        partition by account_id
        order by
            updated_at desc nulls last, _loaded_at desc nulls last, account_name desc nulls last,
            parent_account_id desc nulls last, industry desc nulls last, region desc nulls last,
            owner desc nulls last, created_at desc, is_test desc nulls last,
            deleted_at desc nulls last
    ) = 1
);

create temp table subscriptions as
select
    accounts.account,
    subscriptions.*,
    day_of(started_at) as started_day,
    day_of(term_ends_at) as term_ends_day,
    -- Without an end: in force for ever.
    coalesce(day_of(ended_at), 1000000) as ended_day,
    reporting(mrr, rate) as micro_mrr,
    subscriptions.currency is null or currencies.currency is not null as is_known_currency
from (
    from read_parquet(getvariable('raw_dir') || '/subscriptions/*.parquet')
    qualify row_number() over (
        partition by subscription_id
        order by
            updated_at desc nulls last, _loaded_at desc nulls last, account_id desc,
            plan desc nulls last, seats desc nulls last, mrr desc nulls last,
            currency desc nulls last, is_trial desc nulls last, auto_renew desc nulls last,
            started_at desc, term_ends_at desc nulls last, ended_at desc nulls last
    ) = 1
) as subscriptions
left join accounts using (account_id)
left join currencies on lower(subscriptions.currency) = lower(currencies.currency);

create temp table tickets as
select
    accounts.account,
    tickets.*,
    day_of(opened_at) as opened_day,
    coalesce(day_of(solved_at), 1000000) as solved_day,
    coalesce(lower(priority) in ('high', 'urgent'), false) as is_urgent,
    coalesce(reopen_count > 0, false) as is_reopened
from (
    from read_parquet(getvariable('raw_dir') || '/support_tickets/*.parquet')
    qualify row_number() over (
        partition by ticket_id
        order by
            updated_at desc nulls last, _loaded_at desc nulls last, account_id desc,
            opened_at desc, first_response_at desc nulls last, solved_at desc nulls last,
            priority desc nulls last, reopen_count desc nulls last, csat_score desc nulls last
    ) = 1
) as tickets
left join accounts using (account_id);

create temp table survey_responses as
select accounts.account, responses.*, day_of(responded_at) as day
from (
    from read_parquet(getvariable('raw_dir') || '/survey_responses/*.parquet')
    qualify row_number() over (
        partition by response_id
        order by
            _loaded_at desc nulls last, account_id desc, user_id desc nulls last,
            responded_at desc, survey_type desc, score desc
    ) = 1
) as responses
left join accounts using (account_id);

create temp table invoices as
select
    accounts.account,
    invoices.*,
    day_of(issued_at) as issued_day,
    day_of(due_at) as due_day,
    coalesce(day_of(paid_at), 1000000) as paid_day,
    reporting(amount, rate) as micro_amount,
    invoices.currency is null or currencies.currency is not null as is_known_currency
from (
    from read_parquet(getvariable('raw_dir') || '/invoices/*.parquet')
    qualify row_number() over (
        partition by invoice_id
        order by
            updated_at desc nulls last, _loaded_at desc nulls last, account_id desc,
            issued_at desc, due_at desc nulls last, paid_at desc nulls last, amount desc,
            currency desc nulls last, kind desc
    ) = 1
) as invoices
left join accounts using (account_id)
left join currencies on lower(invoices.currency) = lower(currencies.currency);

create temp table csm_assessments as
select accounts.account, assessments.*, day_of(assessed_at) as day
from (
    from read_parquet(getvariable('raw_dir') || '/csm_assessments/*.parquet')
    qualify row_number() over (
        partition by assessment_id
        order by
            _loaded_at desc nulls last, account_id desc, assessed_at desc, sentiment desc
    ) = 1
) as assessments
left join accounts using (account_id);

create temp table score_overrides as
select
    accounts.account,
    overrides.*,
    day_of(starts_at) as starts_day,
    day_of(expires_at) as expires_day
from (
    from read_parquet(getvariable('raw_dir') || '/score_overrides/*.parquet')
    qualify row_number() over (
        partition by override_id
        order by
            _loaded_at desc nulls last, account_id desc, score desc, reason desc, author desc,
            starts_at desc, expires_at desc
    ) = 1
) as overrides
left join accounts using (account_id);

-- ------------------------------------------------------------------------------- usage

-- An event counts once. Nearly none is sent twice, so those are looked for by a number first: where
-- the numbers differ, so do the events.
create temp table repeated_events as
select hash(event_id, cast(event_at as date)) as event_hash
from read_parquet(getvariable('raw_dir') || '/usage_events/*.parquet')
group by event_hash
having count(*) > 1;

create temp view usage_events as
with

events as (

    from read_parquet(getvariable('raw_dir') || '/usage_events/*.parquet')

),

hashed_events as (

    select events.*, hash(event_id, cast(event_at as date)) as event_hash
    from events
    cross join (select 1 from repeated_events limit 1) as some_are_repeated

)

select account_id, user_id, event_at, feature, duration_seconds, event_count
from events
where (select count(*) from repeated_events) = 0

union all

select account_id, user_id, event_at, feature, duration_seconds, event_count
from hashed_events
anti join repeated_events using (event_hash)

union all

select account_id, user_id, event_at, feature, duration_seconds, event_count
from (
    from hashed_events
    semi join repeated_events using (event_hash)
    qualify row_number() over (
        partition by event_id, cast(event_at as date)
        order by
            _loaded_at desc, account_id desc, user_id desc nulls last, event_at desc,
            feature desc, duration_seconds desc nulls last, event_count desc nulls last
    ) = 1
);

-- Features that matter, each with a bit of its own.
create temp table feature_bits as
select *, cast(1 as bigint) << (row_number() over (order by feature) - 1) as bit
from features
where is_core or is_setup or is_compliance;

-- One row per account, user (null: unknown) and day.
create temp table user_days as
select
    account,
    user_id,
    cast(event_at as date) - date '2000-01-01' as day,
    cast(sum(coalesce(event_count, 1)) as bigint) as events,
    millionths(sum(duration_seconds)) as micro_seconds,
    bit_or(coalesce(bit, 0)) as features
from usage_events
left join accounts using (account_id)
left join feature_bits using (feature)
group by account, user_id, day;

-- ------------------------------------------------------------------------------- the check

-- What the project would refuse, or blank a cell of, the script does not know how to treat.
create temp macro is_out_of_time(moment) as
    moment < timestamp '2000-01-01' or moment >= getvariable('run_date') + interval 2 day;

create temp macro is_before_2000(moment) as moment < timestamp '2000-01-01';

create temp table refused as
select 'accounts' as input, count(*) as refused_rows
from accounts
where
    account_id is null
    or created_at is null
    or is_out_of_time(created_at)
    or is_out_of_time(updated_at)
    or is_out_of_time(deleted_at)
    or deleted_at::date < created_at::date

union all

select 'subscriptions', count(*)
from subscriptions
where
    subscription_id is null
    or account is null
    or started_at is null
    or is_before_2000(started_at)
    or is_before_2000(term_ends_at)
    or is_before_2000(ended_at)
    or is_out_of_time(updated_at)
    or ended_day < started_day
    or seats < 0
    or mrr < 0
    or not is_known_currency

union all

select 'support_tickets', count(*)
from tickets
where
    ticket_id is null
    or account is null
    or opened_at is null
    or is_out_of_time(opened_at)
    or is_out_of_time(first_response_at)
    or is_out_of_time(solved_at)
    or is_out_of_time(updated_at)
    or solved_at < opened_at
    or lower(priority) not in ('low', 'normal', 'high', 'urgent')
    or reopen_count < 0
    or csat_score not between 1 and 5

union all

select 'survey_responses', count(*)
from survey_responses
where
    response_id is null
    or account is null
    or responded_at is null
    or is_out_of_time(responded_at)
    or score is null
    or not case
        when lower(survey_type) = 'nps' then score between 0 and 10 and score = floor(score)
        when lower(survey_type) = 'csat' then score between 1 and 5
        else false
    end

union all

select 'invoices', count(*)
from invoices
where
    invoice_id is null
    or account is null
    or issued_at is null
    or amount is null
    or is_out_of_time(issued_at)
    or is_before_2000(due_at)
    or is_out_of_time(paid_at)
    or is_out_of_time(updated_at)
    or coalesce(lower(kind), '') not in ('recurring', 'one_off', 'credit')
    or not is_known_currency

union all

select 'csm_assessments', count(*)
from csm_assessments
where
    assessment_id is null
    or account is null
    or assessed_at is null
    or is_out_of_time(assessed_at)
    or sentiment is null
    or sentiment not in (1, 2, 3, 4, 5)

union all

select 'score_overrides', count(*)
from score_overrides
where
    override_id is null
    or account is null
    or reason is null
    or author is null
    or starts_at is null
    or expires_at is null
    or is_before_2000(starts_at)
    or expires_day not between starts_day and starts_day + 90
    or score is null
    or score not between 0 and 100

union all

select
    'usage_events',
    case
        when
            count(event_id) < count(*)
            or count(event_at) < count(*)
            or count(feature) < count(*)
            or is_out_of_time(min(event_at))
            or is_out_of_time(max(event_at))
            or min(duration_seconds) < 0
            or min(event_count) < 1
            or exists (from user_days where account is null)
            then 1
        else 0
    end
from read_parquet(getvariable('raw_dir') || '/usage_events/*.parquet');

select error('These inputs have rows that would be refused: ' || string_agg(input, ', '))
from refused
where refused_rows > 0
having count(*) > 0;

-- One row per account and day with usage.
create temp table account_days as
select
    account,
    day,
    cast(sum(events) as bigint) as events,
    cast(sum(micro_seconds) as bigint) as micro_seconds,
    -- Unknown users are no users.
    count(user_id) as users,
    bit_or(features) as features
from user_days
group by account, day;

-- ------------------------------------------------------------------------------- score dates

-- The as-of date is the last day that carries enough accounts, the feed's first day the first that
-- does next to the 28 days with usage after it.
create temp table feed as
with

usage_days as (

    select day, count(*) as accounts
    from account_days
    where day < day_of(getvariable('run_date'))
    group by day

),

carrying_days as (

    select
        day,
        accounts,
        median(accounts) over () as overall_median,
        coalesce(median(accounts) over later_days, 0) as later_median
    from usage_days
    window later_days as (order by day rows between 1 following and 28 following)

)

select
    min(day) filter (10 * accounts >= later_median and (later_median < 4 or accounts >= 2))
        as first_day,
    max(day) filter (10 * accounts >= overall_median and (overall_median < 4 or accounts >= 2))
        as as_of_day
from carrying_days;

-- Numbered from 0. Day 1, 2000-01-02, was a Sunday.
create temp table score_dates as
select
    cast(row_number() over (order by day) - 1 as integer) as date_no,
    cast(day as integer) as day,
    date '2000-01-01' + cast(day as integer) as score_date
from (
    select unnest(range(as_of_day - 363, as_of_day + 1)) as day, as_of_day, first_day
    from feed
)
where (day >= as_of_day - 28 or day % 7 = 1) and day >= first_day;

set variable dates = (select count(*) from score_dates);

-- For each day from the first score date to the as-of date: the number of the first score date that
-- is not before it. A record that counts from one day until another counts on the score dates from
-- date_from(one) until date_from(other).
set variable first_date_day = (select min(day) from score_dates);

set variable date_numbers = (
    select list(date_no order by day)
    from (
        select days.day, min(score_dates.date_no) as date_no
        from (
            select unnest(range(min(day), max(day) + 1)) as day from score_dates
        ) as days
        inner join score_dates on score_dates.day >= days.day
        group by days.day
    )
);

create temp macro date_from(day) as
    case
        when day < getvariable('first_date_day') then 0
        else coalesce(
            getvariable('date_numbers')[day - getvariable('first_date_day') + 1],
            getvariable('dates')
        )
    end;

-- The number of an account and date; what ceases to count after the last date has one, too.
create temp macro row_of(account, date_no) as account * (getvariable('dates') + 1) + date_no;

-- ------------------------------------------------------------------------------- grid

-- One row per account and score date on which it is scored, numbered by account and date.
create temp table in_force as
select
    *,
    unnest(
        range(
            greatest(date_from(started_day), date_from(created_day)),
            least(date_from(ended_day), date_from(deleted_day))
        )
    ) as date_no
from (
    select
        subscriptions.account,
        started_day,
        ended_day,
        term_ends_day,
        seats,
        micro_mrr,
        is_trial,
        auto_renew,
        accounts.created_day,
        coalesce(accounts.deleted_day, 1000000) as deleted_day,
        plan,
        plan_rank
    from (
        select
            *,
            row_number() over (
                partition by account
                order by micro_mrr desc nulls last, started_day, subscription_id
            ) as plan_rank
        from subscriptions
    ) as subscriptions
    inner join (
        select account, day_of(created_at) as created_day, day_of(deleted_at) as deleted_day
        from accounts
        where not coalesce(is_test, false)
    ) as accounts using (account)
);

create temp table account_dates as
select
    row_of(account, in_force.date_no) as row_no,
    account,
    in_force.date_no,
    any_value(score_dates.day) as day,
    sum(seats)::bigint as seats,
    sum(micro_mrr)::bigint as micro_mrr,
    (sum(micro_mrr) filter (auto_renew))::bigint as auto_renew_mrr,
    count(auto_renew) > 0 as is_auto_renew_known,
    bool_and(coalesce(is_trial, false)) as is_trial,
    min(term_ends_day) filter (term_ends_day > score_dates.day) as renewal_day,
    any_value(created_day) as created_day,
    arg_min_null(plan, plan_rank) as plan
from in_force
inner join score_dates using (date_no)
group by account, in_force.date_no;

-- The segment of the first rule that matches; what is unknown matches no condition that is set.
create temp table account_segments as
with

account_facts as (

    select
        accounts.account,
        lower(any_value(accounts.industry)) as industry,
        min(started_day) as first_started_day
    from accounts
    inner join subscriptions using (account)
    group by accounts.account

)

select
    account_dates.row_no,
    arg_min(segments.segment, segments.priority) as segment
from account_dates
inner join account_facts using (account)
inner join segments
    on
        (segments.is_trial is null or account_dates.is_trial = segments.is_trial)
        and (segments.industry is null or account_facts.industry = lower(segments.industry))
        and (segments.plan is null or lower(account_dates.plan) = lower(segments.plan))
        and (min_tenure_days is null or account_dates.day - first_started_day >= min_tenure_days)
        and (max_tenure_days is null or account_dates.day - first_started_day <= max_tenure_days)
        and (min_mrr is null or account_dates.micro_mrr >= millionths(min_mrr))
        and (max_mrr is null or account_dates.micro_mrr <= millionths(max_mrr))
        and (min_seats is null or account_dates.seats >= min_seats)
        and (max_seats is null or account_dates.seats <= max_seats)
group by account_dates.row_no;

-- ------------------------------------------------------------------------------- usage metrics

-- A user or feature seen on a day counts on the score dates of the 28 days from it on: as bits, one
-- per score date, which are simply laid over each other.
set variable bits_of_days = (
    select list(bits order by day)
    from (
        select
            days.day,
            cast(
                string_agg(
                    (score_dates.day between days.day and days.day + 27)::integer::varchar,
                    '' order by score_dates.date_no
                ) as bit
            ) as bits
        from (
            select unnest(range(min(day) - 27, max(day) + 1)) as day from score_dates
        ) as days
        cross join score_dates
        group by days.day
    )
);

create temp macro bits_of(day) as
    getvariable('bits_of_days')[day - getvariable('first_date_day') + 28];

create temp table users_28d as
select row_of(account, date_no) as row_no, count(*) as users
from (
    select account, bit_or(bits_of(day)) as bits
    from user_days
    where user_id is not null and day > getvariable('first_date_day') - 28
    group by account, user_id
)
cross join score_dates
where get_bit(bits, date_no) = 1
group by row_no;

create temp table core_features_28d as
select row_of(account, date_no) as row_no, count(*) as core_features
from (
    select account, bit_or(bits_of(day)) as bits
    from account_days
    inner join feature_bits on is_core and account_days.features & bit <> 0
    where day > getvariable('first_date_day') - 28
    group by account, feature
)
cross join score_dates
where get_bit(bits, date_no) = 1
group by row_no;

create temp table usage_changes as
with

days as (

    select
        *,
        (features & (select coalesce(bit_or(bit), 0) from feature_bits where is_compliance)) <> 0
            as has_compliance
    from account_days

),

setup_starts as (

    select account, min(day) as day
    from account_days
    inner join feature_bits on is_setup and account_days.features & bit <> 0
    group by account, feature

),

-- What begins to count on a date, and what ceases to.
changes as (

    select
        account, date_from(day) as date_no, day as last_day, null as first_day_90d,
        events, 0 as earlier_events, micro_seconds, (micro_seconds is not null)::integer as timed,
        users, 1 as days, has_compliance::integer as compliance_days, 1 as days_90d, 0 as setups
    from days

    union all

    select
        account, date_from(day + 28), null, null,
        -events, events, -micro_seconds, -(micro_seconds is not null)::integer,
        -users, -1, -has_compliance::integer, 0, 0
    from days

    union all

    select account, date_from(day + 56), null, null, 0, -events, 0, 0, 0, 0, 0, 0, 0
    from days

    union all

    select account, date_from(day + 90), null, day, 0, 0, 0, 0, 0, 0, 0, -1, 0
    from days

    union all

    select account, date_from(day), null, null, 0, 0, 0, 0, 0, 0, 0, 0, 1
    from setup_starts

    union all

    select account, date_no, null, null, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from account_dates

)

select
    account,
    date_no,
    max(last_day) as last_day,
    min(first_day_90d) as first_day_90d,
    sum(events)::bigint as events,
    sum(earlier_events)::bigint as earlier_events,
    sum(micro_seconds)::bigint as micro_seconds,
    sum(timed)::integer as timed,
    sum(users)::bigint as users,
    sum(days)::integer as days,
    sum(compliance_days)::integer as compliance_days,
    sum(days_90d)::integer as days_90d,
    sum(setups)::integer as setups
from changes
group by account, date_no;

create temp table usage_sums as
select
    row_of(account, date_no) as row_no,
    max(last_day) over so_far as last_day,
    min(first_day_90d) over later as first_day_90d,
    (sum(events) over so_far)::bigint as events,
    (sum(earlier_events) over so_far)::bigint as earlier_events,
    (sum(micro_seconds) over so_far)::bigint as micro_seconds,
    (sum(timed) over so_far)::bigint as timed,
    (sum(users) over so_far)::bigint as user_days,
    (sum(days) over so_far)::bigint as days,
    (sum(compliance_days) over so_far)::bigint as compliance_days,
    (sum(days_90d) over so_far)::bigint as days_90d,
    (sum(setups) over so_far)::bigint as setups
from usage_changes
window
    so_far as (
        partition by account order by date_no rows between unbounded preceding and current row
    ),
    later as (
        partition by account order by date_no rows between 1 following and unbounded following
    );

create temp table usage_values as
with

feature_counts as (

    select
        count(*) filter (is_core) as core_features,
        count(*) filter (is_setup) as setup_features,
        count(*) filter (is_compliance) as compliance_features
    from feature_bits

),

-- Before the first usage of anybody the input says nothing.
counted as (

    select
        account_dates.*,
        feature_counts.*,
        usage_sums.* exclude (row_no, micro_seconds),
        case when timed > 0 then micro_seconds end as micro_seconds,
        coalesce(users_28d.users, 0) as users,
        coalesce(core_features_28d.core_features, 0) as core_features_28d
    from account_dates
    inner join usage_sums using (row_no)
    left join users_28d using (row_no)
    left join core_features_28d using (row_no)
    cross join feature_counts
    where account_dates.day >= (select min(day) from account_days)

)

select
    row_no,
    case when users > 0 or events = 0 then ratio(users, seats, 1000000) end
        as licence_utilisation_28d,
    ratio(core_features_28d, core_features, 1000000) as core_feature_adoption_28d,
    ratio(setups, setup_features, 1000000) as setup_completion,
    case when compliance_features > 0 then 1000000 * compliance_days end
        as compliance_feature_days_28d,
    1000000 * days as active_days_28d,
    ratio(user_days, 28 * users, 1000000) as stickiness_28d,
    ratio(micro_seconds, 60 * users, 1) as minutes_per_user_28d,
    case
        when day - 55 >= created_day and day - 55 >= (select first_day from feed)
            then ratio(events - earlier_events, earlier_events, 1000000)
    end as usage_change_28d,
    cast(1000000 as bigint) * (day - coalesce(last_day, created_day)) as days_since_last_activity,
    ratio(last_day - first_day_90d, days_90d - 1, 1000000) as login_interval_days_90d
from counted;

-- ------------------------------------------------------------------------------- support metrics

-- A ticket counts on the score dates on which it is open or its opening or solution is at most 90
-- days old.
create temp table support_values as
with

ticket_dates as (

    select
        *,
        unnest(range(date_from(opened_day), date_from(solved_day + 90))) as date_no
    from tickets
    where account is not null

),

placed as (

    select
        row_of(account, ticket_dates.date_no) as row_no,
        score_dates.day,
        opened_day,
        is_urgent,
        is_reopened,
        opened_day > score_dates.day - 90 as is_opened,
        solved_day > score_dates.day as is_open,
        solved_day between score_dates.day - 89 and score_dates.day as is_solved,
        csat_score,
        2 * date_diff('microsecond', opened_at, solved_at) as twice_resolution
    from ticket_dates
    inner join score_dates using (date_no)

),

totals as (

    select
        row_no,
        count(*) filter (is_opened) as opened,
        count(*) filter (is_opened and is_urgent) as urgent,
        count(*) filter (is_opened and is_reopened) as reopened,
        count(*) filter (is_open) as open_tickets,
        min(opened_day) filter (is_open) as oldest_open_day,
        min(opened_day) filter (is_open and is_urgent) as oldest_urgent_day,
        sum(csat_score) filter (is_solved) as csat_total,
        count(csat_score) filter (is_solved) as csat_answers,
        -- Twice the median is a whole number, even between two.
        cast(median(twice_resolution) filter (is_solved) as bigint) as twice_median
    from placed
    group by row_no

)

select
    row_no,
    ratio(100 * coalesce(opened, 0), seats, 1000000) as tickets_per_100_seats_90d,
    ratio(urgent, opened, 1000000) as urgent_ticket_share_90d,
    1000000 * coalesce(open_tickets, 0) as open_tickets,
    1000000 * coalesce(day - oldest_open_day, 0) as oldest_open_ticket_days,
    1000000 * coalesce(day - oldest_urgent_day, 0) as oldest_urgent_ticket_days,
    ratio(twice_median, 7200, 1) as median_resolution_hours_90d,
    ratio(reopened, opened, 1000000) as reopened_ticket_share_90d,
    ratio(millionths(csat_total), csat_answers, 1) as ticket_csat_90d
from account_dates
left join totals using (row_no)
where day >= (select min(opened_day) from tickets);

-- ------------------------------------------------------------------------------- sentiment metrics

create temp table sentiment_values as
with

-- An NPS answer counts until the same user answers again.
nps_periods as (

    select
        account,
        score,
        day,
        least(
            day + 180,
            lead(day) over (
                partition by account, user_id, case when user_id is null then response_id end
                order by responded_at, response_id
            )
        ) as until_day
    from survey_responses
    where lower(survey_type) = 'nps'

),

csm_periods as (

    select
        account,
        cast(sentiment as integer) as sentiment,
        day,
        least(
            day + 90, lead(day) over (partition by account order by assessed_at, assessment_id)
        ) as until_day
    from csm_assessments

),

periods as (

    select
        account, day, until_day, 1 as respondents,
        case when score >= 9 then 1 when score <= 6 then -1 else 0 end as balance,
        0 as answers, 0 as micro_score, 0 as assessments, 0 as sentiment
    from nps_periods

    union all

    select account, day, day + 180, 0, 0, 1, millionths(score), 0, 0
    from survey_responses
    where lower(survey_type) = 'csat'

    union all

    select account, day, until_day, 0, 0, 0, 0, 1, sentiment
    from csm_periods

),

changes as (

    select account, date_from(day) as date_no, respondents, balance, answers, micro_score,
        assessments, sentiment
    from periods

    union all

    select account, date_from(until_day), -respondents, -balance, -answers, -micro_score,
        -assessments, -sentiment
    from periods

    union all

    select account, date_no, 0, 0, 0, 0, 0, 0
    from account_dates

),

date_changes as (

    select
        account, date_no,
        sum(respondents)::integer as respondents, sum(balance)::integer as balance,
        sum(answers)::integer as answers, sum(micro_score)::bigint as micro_score,
        sum(assessments)::integer as assessments, sum(sentiment)::integer as sentiment
    from changes
    group by account, date_no

),

sums as (

    select
        row_of(account, date_no) as row_no,
        (sum(respondents) over so_far)::bigint as respondents,
        (sum(balance) over so_far)::bigint as balance,
        (sum(answers) over so_far)::bigint as answers,
        (sum(micro_score) over so_far)::bigint as micro_score,
        (sum(assessments) over so_far)::bigint as assessments,
        (sum(sentiment) over so_far)::bigint as sentiment
    from date_changes
    window so_far as (
        partition by account order by date_no rows between unbounded preceding and current row
    )

)

select
    row_no,
    ratio(100 * balance, respondents, 1000000) as nps_180d,
    ratio(micro_score, answers, 1) as csat_180d,
    case when assessments > 0 then 1000000 * sentiment end as csm_sentiment_90d
from account_dates
inner join sums using (row_no);

-- ------------------------------------------------------------------------------- revenue metrics

create temp table growth_days as
with

-- One subscription ended, another one took over on that or the next day.
renewals as (

    select ended.account, ended.ended_day as day, ended.ended_day + 1 as known_day
    from subscriptions as ended
    inner join subscriptions as following
        on
            ended.account = following.account
            and ended.subscription_id <> following.subscription_id
            and following.started_day between ended.ended_day and ended.ended_day + 1
            and following.ended_day > ended.ended_day + 1

),

mrr_changes as (

    select account, day, sum(change)::bigint as change
    from (
        select account, started_day as day, micro_mrr as change
        from subscriptions
        where micro_mrr is not null and ended_day > started_day

        union all

        select account, ended_day, -micro_mrr
        from subscriptions
        where micro_mrr is not null and ended_day > started_day and ended_day < 1000000
    )
    group by account, day

),

rises as (

    select account, day, day as known_day
    from mrr_changes
    qualify
        change > 0
        and sum(change) over (
            partition by account order by day rows between unbounded preceding and 1 preceding
        ) > 0

)

select account, day, min(known_day) as known_day
from (from renewals union all from rises)
group by account, day;

create temp table revenue_values as
with

-- Invoices that were overdue on some date.
overdue as (

    select row_of(account, date_no) as row_no, min(due_day) as due_day
    from (
        select
            account,
            due_day,
            unnest(
                range(date_from(greatest(issued_day, due_day + 1)), date_from(paid_day))
            ) as date_no
        from invoices
        where lower(kind) = 'recurring' and micro_amount > 0
    )
    group by row_no

),

changes as (

    select
        account, date_from(issued_day) as date_no, 1 as invoices,
        case when lower(kind) = 'recurring' then micro_amount else 0 end as recurring,
        case when lower(kind) = 'one_off' then micro_amount else 0 end as one_off,
        case when lower(kind) = 'credit' then abs(micro_amount) else 0 end as credits,
        0 as earlier_known, 0 as earlier_mrr, 0 as growth_days
    from invoices

    union all

    select
        account, date_from(issued_day + 365), 0,
        case when lower(kind) = 'recurring' then -micro_amount else 0 end,
        case when lower(kind) = 'one_off' then -micro_amount else 0 end,
        case when lower(kind) = 'credit' then -abs(micro_amount) else 0 end,
        0, 0, 0
    from invoices

    union all

    select account, date_from(started_day + 90), 0, 0, 0, 0, 1, micro_mrr, 0
    from subscriptions
    where micro_mrr is not null and ended_day > started_day

    union all

    select account, date_from(ended_day + 90), 0, 0, 0, 0, -1, -micro_mrr, 0
    from subscriptions
    where micro_mrr is not null and ended_day > started_day

    union all

    select account, date_from(known_day), 0, 0, 0, 0, 0, 0, 1
    from growth_days

    union all

    select account, date_from(greatest(day + 365, known_day)), 0, 0, 0, 0, 0, 0, -1
    from growth_days

    union all

    select account, date_no, 0, 0, 0, 0, 0, 0, 0
    from account_dates

),

date_changes as (

    select
        account, date_no, sum(invoices)::integer as invoices, sum(recurring)::bigint as recurring,
        sum(one_off)::bigint as one_off, sum(credits)::bigint as credits,
        sum(earlier_known)::integer as earlier_known, sum(earlier_mrr)::bigint as earlier_mrr,
        sum(growth_days)::integer as growth_days
    from changes
    group by account, date_no

),

sums as (

    select
        row_of(account, date_no) as row_no,
        sum(invoices) over so_far as invoices,
        sum(recurring) over so_far as recurring,
        sum(one_off) over so_far as one_off,
        sum(credits) over so_far as credits,
        sum(earlier_known) over so_far as earlier_known,
        sum(earlier_mrr) over so_far as earlier_mrr,
        sum(growth_days) over so_far as growth_days
    from date_changes
    window so_far as (
        partition by account order by date_no rows between unbounded preceding and current row
    )

)

select
    row_no,
    case
        when earlier_known > 0
            then cast(ratio(micro_mrr - earlier_mrr, earlier_mrr, 1000000) as bigint)
    end as mrr_change_90d,
    case
        when
            invoices > 0
            and day >= (select nullif(min(paid_day), 1000000) from invoices)
            then cast(1000000 as bigint) * coalesce(day - overdue.due_day, 0)
    end as days_overdue,
    cast(ratio(
        least(greatest(recurring - credits, 0), recurring + one_off - credits),
        recurring + one_off - credits, 1000000
    ) as bigint) as recurring_revenue_share_365d,
    cast(1000000 as bigint) * (renewal_day - day) as days_to_renewal,
    case
        when is_auto_renew_known
            then cast(ratio(
                cast(coalesce(auto_renew_mrr, 0) as hugeint), cast(micro_mrr as hugeint), 1000000
            ) as bigint)
    end as auto_renew_share,
    cast(1000000 * growth_days as bigint) as renewals_and_upsells_365d
from account_dates
inner join sums using (row_no)
left join overdue using (row_no);

-- ------------------------------------------------------------------------------- published

create temp table keys as
select row_no, account_id, score_date
from account_dates
inner join accounts using (account)
inner join score_dates using (date_no);

create table metrics.metrics_usage as
select
    account_id,
    score_date,
    published(columns(* exclude (account_id, score_date, row_no)))
from keys
left join usage_values using (row_no);

create table metrics.metrics_support as
select
    account_id,
    score_date,
    published(columns(* exclude (account_id, score_date, row_no)))
from keys
left join support_values using (row_no);

create table metrics.metrics_sentiment as
select
    account_id,
    score_date,
    published(columns(* exclude (account_id, score_date, row_no)))
from keys
left join sentiment_values using (row_no);

create table metrics.metrics_revenue as
select
    account_id,
    score_date,
    published(columns(* exclude (account_id, score_date, row_no)))
from keys
left join revenue_values using (row_no);

-- ------------------------------------------------------------------------------- scoring

-- All metrics of an account and date side by side, in the order of metric_numbers.
create temp table metric_numbers as
select unnest(metrics) as metric, generate_subscripts(metrics, 1) as metric_no
from (
    select list(column_name order by table_number, column_index) as metrics
    from (
        select
            column_name,
            column_index,
            array_position(
                ['usage_values', 'support_values', 'sentiment_values', 'revenue_values'], table_name
            ) as table_number
        from duckdb_columns()
    )
    where table_number is not null and column_name <> 'row_no'
);

create temp table account_values as
with

side_by_side as (

    select *
    from account_segments
    left join usage_values using (row_no)
    left join support_values using (row_no)
    left join sentiment_values using (row_no)
    left join revenue_values using (row_no)

)

select
    row_no,
    segment,
    list_value(*columns(* exclude (row_no, segment))) as metric_values
from side_by_side;

-- What a scorecard says, in whole numbers: weights and values in millionths, scores in
-- ten-thousandths.
create temp table scorecard_rows as
select
    scorecard_metrics.scorecard,
    scorecard_metrics.segment,
    scorecard_metrics.metric,
    metric_no,
    component,
    better,
    curve,
    scorecard_metrics.weight,
    millionths(scorecard_metrics.weight) as whole_weight,
    millionths(poor_at) as poor_at,
    millionths(healthy_at) as healthy_at,
    abs(millionths(healthy_at) - millionths(poor_at)) as span,
    cast(score_if_missing * 10000 as integer) as score_if_missing,
    goal = 'retention' and status = 'live' as is_live
from scorecard_metrics
inner join scorecards using (scorecard)
inner join catalogue using (metric)
inner join metric_numbers using (metric)
where status in ('live', 'challenger');

-- Which metrics an account lacks on a date decides which weights count. There are few such patterns
-- of a segment and missing metrics: what depends on them alone is computed once for each.
create temp table lacking as
select
    row_no,
    segment,
    metric_values,
    list_sum(
        list_transform(
            metric_values, lambda value, number:
            case when value is null then cast(1 as bigint) << (number - 1) else 0 end
        )
    )::bigint as missing
from account_values;

create temp table patterns as
select cast(row_number() over () as integer) as pattern, *
from (select distinct segment, missing from lacking);

create temp table scored_dates as
select row_no, account_id, score_date, segment, pattern, metric_values
from lacking
inner join patterns using (segment, missing)
inner join keys using (row_no);

-- One row per pattern, scorecard and metric of the scorecard.
create temp table pattern_rows as
select
    pattern,
    scorecard_rows.* exclude (segment),
    missing & (cast(1 as bigint) << (metric_no - 1)) <> 0 as is_missing,
    case when is_missing and score_if_missing is null then 0 else whole_weight end
        as counted_weight,
    cast(sum(counted_weight) over (partition by pattern, scorecard) as bigint) as scored_weight
from patterns
inner join scorecard_rows using (segment);

create temp table pattern_totals as
select
    pattern,
    scorecard,
    any_value(scored_weight) as scored_weight,
    cast(sum(whole_weight) as bigint) as weight,
    cast(coalesce(sum(whole_weight) filter (not is_missing), 0) as bigint) as known_weight,
    sum(counted_weight) filter (component = 'adoption')::bigint as adoption_weight,
    sum(counted_weight) filter (component = 'engagement')::bigint as engagement_weight,
    sum(counted_weight) filter (component = 'support')::bigint as support_weight,
    sum(counted_weight) filter (component = 'sentiment')::bigint as sentiment_weight,
    sum(counted_weight) filter (component = 'revenue')::bigint as revenue_weight,
    sum(counted_weight) filter (component = 'renewal')::bigint as renewal_weight
from pattern_rows
group by pattern, scorecard;

-- Percentile rows: the rank among the accounts of the segment and date stands for the value. Twice
-- the rank times the peers is 100 x (all + worse - better).
create temp table percentile_scores as
with

ranked as (

    select
        row_no,
        metric_no,
        segment,
        count(*) over (partition by date_no, segment, metric_no) as all_peers,
        rank() over (partition by date_no, segment, metric_no order by metric_value) - 1 as lower,
        rank() over (partition by date_no, segment, metric_no order by metric_value desc) - 1
            as higher
    from (
        select
            row_no,
            row_no % (getvariable('dates') + 1) as date_no,
            segment,
            metric_no,
            metric_values[metric_no] as metric_value
        from scored_dates
        inner join (
            select distinct segment, metric_no from scorecard_rows where curve = 'percentile'
        ) using (segment)
    )
    where metric_value is not null

),

measured as (

    select
        row_no,
        scorecard,
        metric_no,
        span * all_peers as whole_span,
        case when healthy_at > poor_at then 1 else -1 end * (
            cast(50000000 as hugeint)
            * (all_peers + case when better = 'higher' then lower - higher else higher - lower end)
            - poor_at * all_peers
        ) as gained
    from ranked
    inner join scorecard_rows using (segment, metric_no)
    where curve = 'percentile'

)

select
    row_no,
    scorecard,
    metric_no,
    cast(
        case
            when gained >= whole_span then 1000000
            when gained <= 0 then 0
            else (2000000 * gained + whole_span) // (2 * whole_span)
        end as integer
    ) as metric_score
from measured;

-- One row per account, date, scorecard and metric: the value and what it is worth.
create temp view metric_scores as
with

-- How far a value is from poor_at, the span being all the way to healthy_at.
gains as (

    select
        *,
        metric_values[metric_no] as metric_value,
        case
            when curve = 'target' then span - abs(metric_value - healthy_at)
            when healthy_at > poor_at then metric_value - poor_at
            else poor_at - metric_value
        end as gained
    from scored_dates
    inner join pattern_rows using (pattern)
    where curve <> 'percentile' or is_missing

)

select
    row_no,
    account_id,
    score_date,
    pattern,
    scorecard,
    metric_no,
    metric,
    segment,
    component,
    metric_value,
    weight,
    counted_weight,
    scored_weight,
    is_missing,
    is_live,
    cast(
        case
            when metric_value is null then score_if_missing
            when gained >= span then 1000000
            when gained <= 0 then 0
            when curve = 'banded' then 500000
            else (2000000 * gained + span) // (2 * span)
        end as integer
    ) as metric_score
from gains

union all

select
    row_no,
    account_id,
    score_date,
    pattern,
    scorecard,
    metric_no,
    metric,
    segment,
    component,
    metric_values[metric_no],
    weight,
    counted_weight,
    scored_weight,
    is_missing,
    is_live,
    metric_score
from scored_dates
inner join percentile_scores using (row_no)
inner join pattern_rows using (pattern, scorecard, metric_no)
where curve = 'percentile' and not is_missing;

-- ------------------------------------------------------------------------------- drivers

-- In the order of the joins as written: a few thousand pattern rows meet every account and date.
set disabled_optimizers = 'join_order,build_side_probe_side';

create table marts.fct_health_drivers as
select
    account_id,
    score_date,
    scorecard,
    metric,
    segment,
    component,
    published(metric_value) as metric_value,
    cast(cast(metric_score as decimal(7, 0)) * cast(0.0001 as decimal(4, 4)) as decimal(7, 4))
        as metric_score,
    weight,
    sixth(coalesce(ratio(counted_weight, scored_weight, 1000000), 0)) as effective_weight,
    sixth(coalesce(ratio(counted_weight * metric_score, scored_weight, 100), 0)) as contribution,
    sixth(coalesce(ratio(counted_weight * (1000000 - metric_score), scored_weight, 100), 0))
        as points_lost,
    is_missing
from metric_scores;

-- ------------------------------------------------------------------------------- scores

-- A metric score as one number, for comparing dates: the metric, whether it is missing, whether it
-- counts, the score in 20 bits.
create temp macro packed(metric_no, is_missing, counted_weight, metric_score) as
    ((metric_no * 2 + is_missing::bigint) * 2 + (counted_weight > 0)::bigint) * 1048576
    + coalesce(metric_score, 0);

create temp table score_points as
select
    row_no,
    pattern,
    scorecard,
    sum(points)::bigint as points,
    coalesce(sum(points) filter (not is_missing), 0)::bigint as known_points,
    sum(points) filter (component = 'adoption')::bigint as adoption_points,
    sum(points) filter (component = 'engagement')::bigint as engagement_points,
    sum(points) filter (component = 'support')::bigint as support_points,
    sum(points) filter (component = 'sentiment')::bigint as sentiment_points,
    sum(points) filter (component = 'revenue')::bigint as revenue_points,
    sum(points) filter (component = 'renewal')::bigint as renewal_points,
    list(packed(metric_no, is_missing, counted_weight, metric_score)) filter (is_live)
        as live_scores
from (select *, counted_weight * coalesce(metric_score, 0) as points from metric_scores)
group by row_no, pattern, scorecard;

set disabled_optimizers = '';

-- The lowest cap that holds.
create temp table caps as
select
    row_no,
    min({'max_score': cast(max_score * 100 as integer), 'cap': cap}) as lowest
from scored_dates
inner join score_caps on score_caps.segment in (scored_dates.segment, '*')
inner join catalogue using (metric)
inner join metric_numbers using (metric)
where
    case
        when better = 'higher' then metric_values[metric_no] < millionths(worse_than)
        else metric_values[metric_no] > millionths(worse_than)
    end
group by row_no;

-- The override in force.
create temp table overrides as
select row_no, arg_max(override_id, (starts_at, override_id)) as override_id,
    arg_max(cast(score * 100 as integer), (starts_at, override_id)) as override_score
from (
    select
        *,
        row_of(account, unnest(range(date_from(starts_day), date_from(expires_day)))) as row_no
    from score_overrides
)
group by row_no;

-- Grades of all scores there can be, in hundredths.
create temp table grades_of_scores as
select score, arg_max(grade, min_score) as grade
from range(10001) as scores (score)
inner join grades on score >= 100 * min_score
group by score;

create temp table scoring_version as
select substr(md5(string_agg(fact, chr(10) order by fact)), 1, 12) as scoring_version
from (
    select concat_ws(
        '|', 'features', feature, is_core::varchar, is_setup::varchar, is_compliance::varchar
    ) as fact
    from features
    union all
    select concat_ws('|', 'currencies', currency, rate::varchar) from currencies
    union all
    select concat_ws('|', 'metrics', metric, component, better) from catalogue
    union all
    select concat_ws(
        '|', 'segments', priority, segment, text_of(is_trial), text_of(industry), text_of(plan),
        text_of(min_tenure_days), text_of(max_tenure_days), text_of(min_mrr), text_of(max_mrr),
        text_of(min_seats), text_of(max_seats)
    )
    from segments
    union all
    select concat_ws('|', 'scorecards', scorecard, goal, status, min_coverage) from scorecards
    union all
    select concat_ws(
        '|', 'scorecard_metrics', scorecard, segment, metric, weight, curve, poor_at, healthy_at,
        text_of(score_if_missing)
    )
    from scorecard_metrics
    union all
    select concat_ws('|', 'score_caps', cap, segment, metric, worse_than, max_score) from score_caps
    union all
    select concat_ws('|', 'grades', grade, text_of(min_score)) from grades
);

create temp table judged_scores as
with

computed as (

    select
        score_points.row_no,
        scorecards.scorecard,
        scorecards.goal,
        scorecards.status,
        patterns.segment,
        points,
        scored_weight,
        case
            when known_weight >= 100000000 * min_coverage then ratio(points, 100 * scored_weight, 1)
        end as computed_score,
        ratio(known_weight, 100000000, 1000000) as coverage,
        ratio(known_points, 100 * weight, 1) as score_low,
        ratio(known_points + 1000000 * (weight - known_weight), 100 * weight, 1) as score_high,
        ratio(adoption_points, 100 * adoption_weight, 1) as adoption_score,
        ratio(engagement_points, 100 * engagement_weight, 1) as engagement_score,
        ratio(support_points, 100 * support_weight, 1) as support_score,
        ratio(sentiment_points, 100 * sentiment_weight, 1) as sentiment_score,
        ratio(revenue_points, 100 * revenue_weight, 1) as revenue_score,
        ratio(renewal_points, 100 * renewal_weight, 1) as renewal_score,
        case when goal = 'retention' then row_no end as limited_row_no
    from score_points
    inner join pattern_totals using (pattern, scorecard)
    inner join patterns using (pattern)
    inner join scorecards using (scorecard)

)

select
    computed.*,
    case when computed_score > lowest.max_score then lowest.cap end as cap,
    case when computed_score > lowest.max_score then lowest.max_score else computed_score end
        as capped_score,
    override_id,
    coalesce(override_score, capped_score) as health_score
from computed
left join caps on computed.limited_row_no = caps.row_no
left join overrides on computed.limited_row_no = overrides.row_no;

create table marts.fct_health_scores as
select
    account_id,
    score_date,
    scorecard,
    goal,
    segment,
    hundredth(computed_score) as computed_score,
    hundredth(capped_score) as capped_score,
    hundredth(health_score) as health_score,
    case
        when health_score is null then (select grade from grades where min_score is null)
        else grade
    end as grade,
    sixth(coverage) as coverage,
    hundredth(score_low) as score_low,
    hundredth(score_high) as score_high,
    cap,
    override_id,
    hundredth(adoption_score) as adoption_score,
    hundredth(engagement_score) as engagement_score,
    hundredth(support_score) as support_score,
    hundredth(sentiment_score) as sentiment_score,
    hundredth(revenue_score) as revenue_score,
    hundredth(renewal_score) as renewal_score,
    (select scoring_version from scoring_version) as scoring_version
from judged_scores
inner join keys using (row_no)
left join grades_of_scores on judged_scores.health_score = grades_of_scores.score;

-- ------------------------------------------------------------------------------- changes

-- What is in a packed score.
create temp macro is_missing(score) as score & 2097152 <> 0;

create temp macro is_counted(score) as score & 1048576 <> 0;

create temp macro score_of(score) as score & 1048575;

-- The live retention score against the newest one that is 7, 28 or 90 days older, at most 6 more.
create temp table comparisons as
with

date_pairs as (

    select dates.date_no, days_back, max(earlier.date_no) as earlier_date_no
    from score_dates as dates
    cross join (select unnest([7, 28, 90]) as days_back)
    inner join score_dates as earlier
        on earlier.day between dates.day - days_back - 6 and dates.day - days_back
    group by dates.date_no, days_back

),

scores as (

    select *, row_no % (getvariable('dates') + 1) as date_no
    from judged_scores
    where goal = 'retention' and status = 'live' and health_score is not null

)

select
    -- Room for three comparisons of a score, and then some.
    100 * scores.row_no + days_back as comparison_no,
    scores.row_no,
    earlier.row_no as earlier_row_no,
    days_back,
    scores.segment,
    scores.segment <> earlier.segment as is_moved,
    scores.scored_weight,
    earlier.scored_weight as earlier_scored_weight,
    earlier.points as earlier_points,
    -- In millionths from here on.
    10000 * (scores.computed_score - earlier.computed_score) as computed_change,
    10000 * coalesce(
        scores.capped_score - scores.computed_score
        - (earlier.capped_score - earlier.computed_score), 0
    ) as cap_points,
    10000 * (
        scores.health_score - earlier.health_score
        - coalesce(scores.capped_score - earlier.capped_score, 0)
    ) as override_points
from scores
inner join date_pairs using (date_no)
inner join scores as earlier
    on scores.row_no - scores.date_no + date_pairs.earlier_date_no = earlier.row_no;

-- The metric scores of a date side by side, in the order of the metrics: the same metrics on both
-- sides of a comparison within a segment.
create temp table live_scores as
select row_no, list_sort(live_scores) as scores
from score_points
where live_scores is not null;

create temp view compared_scores as
select
    comparisons.*,
    unnest(live_scores.scores) as score,
    unnest(earlier.scores) as earlier_score
from comparisons
inner join live_scores using (row_no)
inner join live_scores as earlier on comparisons.earlier_row_no = earlier.row_no
where not is_moved and computed_change is not null;

-- After a move to another segment, the earlier values are judged by the scorecard of now; on a
-- percentile curve the score of now stands in.
create temp table restated_scores as
select
    *,
    case
        when curve = 'percentile' then score
        else packed(
            metric_no,
            earlier_value is null,
            case when earlier_value is null and score_if_missing is null then 0 else 1 end,
            case
                when earlier_value is null then score_if_missing
                when gained >= span then 1000000
                when gained <= 0 then 0
                when curve = 'banded' then 500000
                else (2000000 * gained + span) // (2 * span)
            end
        )
    end as earlier_score
from (
    select
        moved.*,
        curve,
        metric_no,
        whole_weight,
        span,
        score_if_missing,
        metric_values[metric_no] as earlier_value,
        case
            when curve = 'target' then span - abs(earlier_value - healthy_at)
            when healthy_at > poor_at then earlier_value - poor_at
            else poor_at - earlier_value
        end as gained
    from (
        select comparisons.*, unnest(live_scores.scores) as score
        from comparisons
        inner join live_scores using (row_no)
        where is_moved and computed_change is not null
    ) as moved
    inner join scorecard_rows
        on
            moved.segment = scorecard_rows.segment
            and moved.score // 4194304 = scorecard_rows.metric_no
            and is_live
    inner join scored_dates as earlier on moved.earlier_row_no = earlier.row_no
);

-- What each metric moved: its score, at a weight that stays; or, where it joins or leaves the
-- weighted mean, its distance from the earlier mean.
create temp table metric_points as
with

pairs as (

    select
        comparison_no, segment, score, earlier_score, scored_weight, earlier_scored_weight,
        earlier_points
    from compared_scores

    union all

    select
        comparison_no, segment, score, earlier_score, scored_weight,
        sum(case when is_counted(earlier_score) then whole_weight else 0 end) over comparison,
        sum(
            case
                when is_counted(earlier_score) then whole_weight * score_of(earlier_score)
                else 0
            end
        ) over comparison
    from restated_scores
    window comparison as (partition by comparison_no)

),

changed as (

    select
        comparison_no,
        pairs.segment,
        score // 4194304 as metric_no,
        is_missing(score) = is_missing(earlier_score) as is_behaviour,
        is_counted(score) as counts,
        is_counted(earlier_score) as counted,
        score_of(score) as score,
        score_of(earlier_score) as earlier_score,
        scored_weight,
        earlier_scored_weight::bigint as earlier_scored_weight,
        earlier_points::bigint as earlier_points
    from pairs
    where
        score_of(score) <> score_of(earlier_score)
        or is_counted(score) <> is_counted(earlier_score)

)

select
    comparison_no,
    changed.metric_no,
    is_behaviour,
    case
        when counts and counted
            then ratio(whole_weight * (score - earlier_score), scored_weight, 100)
        when counts or counted
            then ratio(
                whole_weight::hugeint * case
                    when counts then score * earlier_scored_weight - earlier_points
                    else earlier_points - earlier_score * earlier_scored_weight
                end,
                scored_weight::hugeint * earlier_scored_weight, 100
            )::bigint
    end as points,
    -- The largest first, of several the first by name.
    1000 * (2000000000 - abs(points)) + name_no as points_order
from changed
inner join (
    select segment, metric_no, whole_weight, row_number() over (order by metric) as name_no
    from scorecard_rows
    where is_live
) as weights using (segment, metric_no);

-- The published score has two decimals: what rounding lost goes to the largest cause, or to the
-- move between segments.
create temp table splits as
select
    comparisons.*,
    first_order,
    coalesce(moving_metrics, 0) as moving_metrics,
    coalesce(computed_change, 0) - coalesce(points, 0) as remaining_points
from comparisons
left join (
    select
        comparison_no,
        sum(points)::bigint as points,
        count(*) filter (points <> 0) as moving_metrics,
        min(points_order) as first_order
    from metric_points
    group by comparison_no
) using (comparison_no);

create table marts.fct_score_changes as
with

causes as (

    select
        row_no,
        earlier_row_no,
        days_back,
        case when is_behaviour then 'behaviour' else 'coverage' end as cause,
        metric_no,
        points
        + case when points_order = first_order and not is_moved then remaining_points else 0 end
            as points
    from metric_points
    inner join splits using (comparison_no)

    union all

    select row_no, earlier_row_no, days_back, 'segment', null, remaining_points
    from splits
    where is_moved

    union all

    select row_no, earlier_row_no, days_back, 'cap', null, cap_points
    from splits

    union all

    select row_no, earlier_row_no, days_back, 'override', null, override_points
    from splits

),

-- A single metric takes the whole change: where that is 0, nothing moved.
all_rows as (

    from causes
    where points <> 0

    union all

    select row_no, earlier_row_no, days_back, 'unchanged', null, 0
    from splits
    where
        cap_points = 0
        and override_points = 0
        and case
            when is_moved then moving_metrics = 0 and remaining_points = 0
            else moving_metrics <= 1 and coalesce(computed_change, 0) = 0
        end

)

select
    keys.account_id,
    keys.score_date,
    cast(days_back as integer) as days_back,
    earlier.score_date as earlier_date,
    cause,
    metric,
    component,
    sixth(points) as points
from all_rows
inner join keys using (row_no)
inner join score_dates as earlier
    on all_rows.earlier_row_no % (getvariable('dates') + 1) = earlier.date_no
left join metric_numbers using (metric_no)
left join catalogue using (metric);
