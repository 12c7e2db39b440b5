"""The days and the accounts: who comes and goes when, and who has which share of the events."""

import csv

from benchmark_data.size import SEEDS, Size, clamped, day, draw

OTHER_INDUSTRIES = (
    "Software", "Retail", "Manufacturing", "Media", "Logistics", "Education", "Energy", "Travel",
)  # fmt: skip


def days_sql(size: Size) -> str:
    """Days with how busy they are, as slots: a weekday has ten, a day of the weekend three."""
    return f"""
    create table days as
    select
        activity_day,
        slots,
        cast(sum(slots) over (order by activity_day) - slots as bigint) as first_slot
    from (
        select
            {day(size.first_day)} + cast(number as integer) as activity_day,
            case when isodow(activity_day) > 5 then 3 else 10 end as slots
        from range({size.days + 1}) as numbers (number)
    );
    create table slots as
    select first_slot + slot_of_day as slot, activity_day
    from days, range(10) as numbers (slot_of_day)
    where slot_of_day < slots
    """


def industries() -> list[str]:
    """The industries of the segment rules, and some others."""
    with (SEEDS / "segments.csv").open(encoding="utf-8-sig", newline="") as file:
        ruled = {row["industry"].strip() for row in csv.DictReader(file)} - {""}
    return sorted(ruled) + [name for name in OTHER_INDUSTRIES if name not in ruled]


def companies_sql(size: Size) -> str:
    """One row per account: who it is, when it comes and goes, and its share of the events.

    Account 1 is the largest; account 2 does something in every input on the next day and account
    10 renews on it, so that a small day lacks nothing.
    """
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in industries())
    largest = round(size.events * size.skew)

    def pick(below: int | str, what: str) -> str:
        return draw(below, size.seed, what, "number")

    return f"""
    create table companies as
    with

    comings as (

        select
            number,
            case
                when number > {size.accounts} then {day(size.next_day)}
                when number = 1 then {day(size.first_day)} - 700
                when number = 2 then {day(size.first_day)} - 400
                when number = 10 then cast({day(size.next_day)} - interval 2 year as date)
                when number % 40 = 39
                    then greatest({day(size.first_day)}, {day(size.last_day)} - {pick(25, "new")})
                when number % 8 = 3 then {day(size.first_day)} + {pick(size.days, "joined")}
                else {day(size.first_day)} - 1 - {pick(1400, "created")}
            end as created_on
        from range(1, {size.accounts + size.new_accounts + 1}) as numbers (number)

    ),

    goings as (

        select
            *,
            created_on >= {day(size.first_day)} as has_trial,
            case when has_trial then created_on + 30 else created_on end as paid_from,
            case
                -- Some trials end without a purchase.
                when has_trial and number % 48 = 43 then paid_from
                when number % 25 = 7 then greatest(
                    paid_from + 15, {day(size.first_day)} + {pick(size.days, "left")}
                )
            end as left_on
        from comings

    ),

    lives as (

        select
            *,
            greatest(created_on, {day(size.first_day)}) as first_day,
            least(coalesce(left_on - 1, {day(size.next_day)}), {day(size.next_day)}) as last_day
        from goings

    ),

    measured as (

        select
            lives.*,
            comes.first_slot,
            greatest(
                0,
                case
                    when lives.last_day > {day(size.last_day)} then goes.first_slot
                    else goes.first_slot + goes.slots
                end - comes.first_slot
            ) as life_slots
        from lives
        inner join days as comes on lives.first_day = comes.activity_day
        inner join days as goes on greatest(lives.last_day, lives.first_day) = goes.activity_day

    ),

    weighed as (

        select
            *,
            case
                when number > 1
                    then cast(1e9 * pow(number + 10, -0.7) as bigint) * life_slots
                else 0
            end as weight,
            sum(weight) over (order by number) as weight_so_far,
            sum(weight) over () as all_weight
        from measured

    ),

    active as (

        select
            *,
            case
                when number = 1 then {largest}
                else cast(
                    {size.events - largest}::hugeint * weight_so_far // all_weight
                    - {size.events - largest}::hugeint * (weight_so_far - weight) // all_weight
                    as bigint
                )
            end as events,
            cast(sum(events) over (order by number) - events as bigint) as first_event
        from weighed

    ),

    peopled as (

        select
            *,
            {clamped(f"events * 4 // {size.days}", "1", "5000")} + 1 as users,
            3 + {pick(6, "session size")} as session_size,
            users + users * {pick(150, "seats")} // 100 + 2 as seats,
            case
                when number % 20 < 2 then 8000 + {pick(30000, "contract")}
                when number % 20 < 7 then 1500 + {pick(4000, "contract")}
                else 0
            end as contract
        from active

    )

    select
        *,
        printf('A%07d', number) as account_id,
        seats * (20 + {pick(60, "price")}) + contract as mrr,
        case
            when contract >= 8000 then 'Enterprise'
            when contract > 0 then 'Business'
            when seats >= 10 then 'Team'
            else 'Starter'
        end as plan,
        case {pick(10, "currency")} when 0 then 'EUR' when 1 then 'GBP' when 2 then 'USD' end
            as currency,
        case when {pick(10, "term")} < 7 or number = 10 then 12 else 3 end as term_months,
        2 + {pick(8, "mood")} as mood,
        40 + {pick(61, "breadth")} as breadth_percent,
        {pick(10, "trend")} as trend,
        list_value({names})[1 + {pick(len(industries()), "industry")}] as industry,
        case {pick(4, "region")} when 0 then 'EMEA' when 1 then 'APAC' else 'Americas' end
            as region,
        printf('Manager %03d', {pick(f"1 + {size.accounts} // 40", "owner")}) as owner,
        case
            when number = 2 then {day(size.next_day)}
            else {day(size.first_day)} + {pick(size.days + 1, "changed")}
        end as changed_on
    from peopled
    """
