"""Usage: sessions of users, and the events in them."""

import csv
from datetime import date

from benchmark_data.size import SEEDS, Size, day, draw

# How often a feature is used, the usual ones first: an account that uses only part of the product
# uses the first ones.
FEATURE_WEIGHTS = {
    "dashboard": 22,
    "edit_project": 20,
    "login": 14,
    "comment": 12,
    "search": 8,
    "create_project": 7,
    "mobile_app": 5,
    "invite_user": 2,
    "import_data": 2,
    "report_builder": 6,
    "data_export": 3,
    "integration_setup": 2,
    "automation": 4,
    "api_call": 4,
    "sso_setup": 1,
    "audit_log": 3,
    "approval_workflow": 3,
    "retention_policy": 2,
}


def features_sql(_: Size) -> str:
    """Features with how usual they are, as slots; all that the seed lists, and their weights."""
    with (SEEDS / "features.csv").open(encoding="utf-8-sig", newline="") as file:
        listed = [row["feature"] for row in csv.DictReader(file)]
    weights = FEATURE_WEIGHTS | {name: 2 for name in listed if name not in FEATURE_WEIGHTS}
    names = [name.replace("'", "''") for name, weight in weights.items() for _ in range(weight)]
    rows = ", ".join(f"({slot}, '{name}')" for slot, name in enumerate(names))
    return f"create table features as select * from (values {rows}) as listed (slot, feature)"


def sessions_sql(size: Size) -> str:
    """One row per session of a user. An account whose trend is 0 fades, one with trend 9 grows."""

    def pick(below: str, what: str) -> str:
        return draw(below, size.seed, what, "number", "session")

    first, second = pick("life_slots", "slot"), pick("life_slots", "other slot")
    users = f"least({pick('users', 'user')}, {pick('users', 'other user')})"
    return f"""
    create table sessions as
    with

    numbered as (

        select *, unnest(range((events + session_size - 1) // session_size)) as session
        from companies
        where life_slots > 0

    ),

    placed as (

        select
            number,
            session,
            first_event + session * session_size as first_event,
            least(session_size, events - session * session_size) as events,
            {users} as user_number,
            first_slot + case trend
                when 0 then least({first}, {second})
                when 9 then greatest({first}, {second})
                else {first}
            end as slot
        from numbered

    )

    select placed.* exclude (slot), slots.activity_day
    from placed
    inner join slots on placed.slot = slots.slot
    order by slots.activity_day, placed.number, placed.session;

    -- As many sessions of the next day as the account has on average on such a day.
    insert into sessions
    with

    counted as (

        select
            companies.*,
            case
                when companies.life_slots = 0 then 1
                else (
                    companies.events * days.slots // companies.session_size
                    + {draw("companies.life_slots", size.seed, "rest", "number")}
                ) // companies.life_slots
            end as sessions
        from companies
        inner join days on days.activity_day = {day(size.next_day)}
        where companies.last_day = days.activity_day

    ),

    numbered as (

        select *, 1000000000 + unnest(range(sessions)) as session
        from counted

    )

    select
        number,
        session,
        {size.events} + cast(
            sum(session_size) over (order by number, session) - session_size as bigint
        ) as first_event,
        session_size as events,
        {users} as user_number,
        {day(size.next_day)} as activity_day
    from numbered
    """


def events_sql(size: Size, first: date, last: date) -> str:
    """The events of the sessions of some days. Every hundredth is late: up to the last day it
    carries a later _loaded_at; on the next day it comes from an earlier day."""

    def pick(below: int | str, what: str, *keys: str) -> str:
        return draw(below, size.seed, what, *(keys or ("event",)))

    breadth = "(select count(*) from features) * breadth_percent // 100"
    favourite = pick(breadth, "favourite", "numbered.number", "user_number", pick(3, "which"))
    return f"""
    with

    numbered as (

        select *, unnest(range(events)) as event_of_session
        from sessions
        where activity_day between {day(first)} and {day(last)}

    ),

    events as (

        select
            numbered.number,
            numbered.session,
            numbered.user_number,
            numbered.activity_day,
            numbered.event_of_session,
            numbered.first_event + numbered.event_of_session as event,
            companies.account_id,
            companies.first_day,
            companies.breadth_percent,
            case
                when event % 100 <> 0 then 0
                when {pick(5, "how late")} < 4 then 1 + {pick(7, "late")}
                else 8 + {pick(53, "late")}
            end as days_late,
            -- Two of three events are one of the user's favourite features.
            case {pick(3, "kind")}
                when 0 then {pick(breadth, "feature")}
                else {favourite}
            end as slot
        from numbered
        inner join companies on numbered.number = companies.number

    ),

    dated as (

        select
            *,
            case
                when activity_day = {day(size.next_day)}
                    then greatest(activity_day - days_late, first_day)
                else activity_day
            end as event_day,
            case
                when activity_day = {day(size.next_day)} then activity_day
                else least(activity_day + days_late, {day(size.last_day)})
            end as loaded_day
        from events

    )

    select
        -- Every number has a hash of its own.
        printf('%016x', hash(cast(dated.event as bigint) + {size.seed * 10**12})) as event_id,
        dated.account_id,
        printf('U%05d', dated.user_number) as user_id,
        dated.event_day + to_seconds(
            21600 + {pick(43200, "start", "dated.number", "dated.session")}
            + 97 * dated.event_of_session
        ) as event_at,
        features.feature,
        case
            when features.feature not in ('login', 'api_call')
                then cast(10 + {pick(6000, "duration", "dated.event")} / 10 as decimal(9, 1))
        end as duration_seconds,
        case
            when features.feature = 'api_call' then 1 + {pick(20, "count", "dated.event")} else 1
        end as event_count,
        dated.loaded_day + interval 26 hour as _loaded_at
    from dated
    inner join features on dated.slot = features.slot
    """
