"""All inputs but usage: what happened to each record, as far as it was known on a day."""

from datetime import date

from benchmark_data.size import Size, clamped, day, draw

# A moment that lies after what is known is null.
KNOWN = """
create macro known(moment, until) as case when moment < until then moment end
"""


def known(record: str, begin: date, end: date) -> str:
    """The records that something happened to from one day up to another, as known by then:
    `happened_at` is the latest moment of a record before $until."""
    return f"""
    select * exclude (happened_at), date_trunc('day', happened_at) + interval 26 hour as _loaded_at
    from ({record.replace("$until", f"timestamp '{end}'")})
    where happened_at >= timestamp '{begin}' and happened_at < timestamp '{end}'
    """


def accounts_sql(_: Size) -> str:
    """Every account changes its owner once within the days, one in ten its industry too."""
    return """
    select
        greatest(created_at, known(changed_at, $until), known(deleted_at, $until)) as happened_at,
        account_id,
        'Company ' || number as account_name,
        case when number % 7 = 0 then printf('A%07d', number // 7) end as parent_account_id,
        case
            when number % 10 = 5 and known(changed_at, $until) is not null then 'Software'
            else industry
        end as industry,
        region,
        case when known(changed_at, $until) is null then owner else 'Manager 000' end as owner,
        created_at,
        number % 500 = 250 as is_test,
        happened_at as updated_at,
        known(deleted_at, $until) as deleted_at
    from (
        select
            *,
            created_on + interval 9 hour as created_at,
            case
                when changed_on > created_on and changed_on < coalesce(left_on, changed_on + 1)
                    then changed_on + interval 10 hour
            end as changed_at,
            case when number % 2 = 1 then left_on + interval 20 hour end as deleted_at
        from companies
    )
    """


def subscriptions_sql(size: Size) -> str:
    """Trials of 30 days, terms of a year or a quarter one after the other, and add-ons."""

    def pick(below: int, what: str) -> str:
        return draw(below, size.seed, what, "number", "term")

    return f"""
    with

    numbered as (

        select
            *,
            unnest(
                range(datediff('month', paid_from, {day(size.next_day)}) // term_months + 1)
            ) as term
        from companies

    ),

    terms as (

        select
            *,
            cast(paid_from + to_months(cast(term * term_months as integer)) as date) as started_on,
            cast(
                paid_from + to_months(cast((term + 1) * term_months as integer)) as date
            ) as next_started_on
        from numbered

    ),

    all_kinds as (

        select
            printf('S%07d-%d', number, term) as subscription_id,
            account_id,
            plan,
            cast(seats * (90 + {pick(21, "seats")}) // 100 as integer) as seats,
            cast(mrr * (85 + {pick(31, "mrr")} + 3 * term) / 100 as decimal(18, 2)) as mrr,
            currency,
            false as is_trial,
            case when {pick(10, "renew")} > 0 then {pick(10, "renew")} < 8 end as auto_renew,
            started_on,
            next_started_on as term_ends_on,
            least(next_started_on, left_on) as ended_on
        from terms
        where started_on < coalesce(left_on, started_on + 1)

        union all

        select
            printf('S%07d-trial', number), account_id, plan, 10, 0, currency, true, false,
            created_on, paid_from, paid_from
        from companies
        where has_trial

        union all

        select
            printf('S%07d-addon', number), account_id, 'Add-on', null,
            cast(mrr / 5 as decimal(18, 2)), currency, false, true,
            paid_from + 60, null, left_on
        from companies
        where number % 10 = 4 and paid_from + 60 < coalesce(left_on, paid_from + 61)

    )

    select
        * exclude (started_on, term_ends_on, ended_on),
        cast(started_on as timestamp) as started_at,
        cast(term_ends_on as timestamp) as term_ends_at,
        known(cast(ended_on as timestamp), $until) as ended_at,
        greatest(started_at, ended_at) as happened_at,
        happened_at as updated_at
    from all_kinds
    """


def support_tickets_sql(size: Size) -> str:
    """About ten per account and year; one in ten takes long, one in 50 stays open."""

    def pick(below: int | str, what: str) -> str:
        return draw(below, size.seed, what, "number", "ticket")

    return f"""
    with

    numbered as (

        select
            *,
            unnest(
                range(
                    (4 + {draw(13, size.seed, "tickets", "number")}) * {size.days + 1} // 365
                    + 1 + users // 50
                )
            ) as ticket
        from companies

    ),

    opened as (

        select
            *,
            case
                when number = 2 and ticket < 2 then {day(size.next_day)} - cast(ticket as integer)
                else first_day + {pick("greatest(1, last_day - first_day + 1)", "ticket day")}
            end + to_seconds(25200 + {pick(43200, "ticket second")}) as opened_at,
            opened_at + to_minutes(5 + {pick(1440, "response")}) as answered_at,
            case
                when number = 2 and ticket = 1 then {day(size.next_day)} + interval 22 hour
                when {pick(50, "solved")} > 0
                    then answered_at + to_minutes(
                        case
                            when {pick(50, "solved")} < 6 then 14400 + {pick(70000, "minutes")}
                            else 30 + {pick(6000, "minutes")}
                        end
                    )
            end as closed_at
        from numbered

    )

    select
        greatest(opened_at, known(answered_at, $until), known(closed_at, $until)) as happened_at,
        printf('T%07d-%d', number, ticket) as ticket_id,
        account_id,
        opened_at,
        known(answered_at, $until) as first_response_at,
        known(closed_at, $until) as solved_at,
        case
            when {pick(100, "priority")} < 25 then 'low'
            when {pick(100, "priority")} < 75 then 'normal'
            when {pick(100, "priority")} < 93 then 'high'
            else 'urgent'
        end as priority,
        case
            when solved_at is null then 0
            else cast(greatest(0, {pick(12, "reopened")} - 9) as integer)
        end as reopen_count,
        case
            when solved_at is not null and {pick(10, "rated")} < 4
                then cast({clamped(f"mood // 2 + {pick(3, 'csat')}", "1", "5")} as decimal(3, 1))
        end as csat_score,
        happened_at as updated_at
    from opened
    """


def survey_responses_sql(size: Size) -> str:
    """About five answers per account and year, two of three to the NPS question."""

    def pick(below: int | str, what: str) -> str:
        return draw(below, size.seed, what, "number", "answer")

    return f"""
    with

    numbered as (

        select
            *,
            unnest(
                range(
                    (2 + {draw(6, size.seed, "answers", "number")}) * {size.days + 1} // 365
                    + 1 + users // 100
                )
            ) as answer
        from companies

    )

    select
        case
            when number = 2 and answer = 0 then {day(size.next_day)}
            else first_day + {pick("greatest(1, last_day - first_day + 1)", "answer day")}
        end + to_seconds(28800 + {pick(36000, "answer second")}) as happened_at,
        printf('R%07d-%d', number, answer) as response_id,
        account_id,
        case when {pick(10, "named")} > 0 then printf('U%05d', {pick("users", "who")}) end
            as user_id,
        happened_at as responded_at,
        case when {pick(3, "survey")} < 2 then 'nps' else 'csat' end as survey_type,
        cast(
            case
                when {pick(3, "survey")} < 2
                    then {clamped(f"mood + {pick(5, 'score')} - 1", "0", "10")}
                else {clamped(f"mood // 2 + {pick(3, 'score')}", "1", "5")}
            end as decimal(4, 1)
        ) as score
    from numbered
    """


def invoices_sql(size: Size) -> str:
    """One every 30 days, due in 30; most are paid in time, a few late or never."""

    def pick(below: int, what: str) -> str:
        return draw(below, size.seed, what, "number", "month")

    offset = draw(30, size.seed, "billing", "number")
    return f"""
    with

    numbered as (

        select
            *,
            {day(size.first_day)} + cast(
                month * 30 + case when number = 2 then {size.days % 30} else {offset} end as integer
            ) as issued_on
        from companies, range({size.days // 30 + 1}) as months (month)

    ),

    issued as (

        select
            *,
            issued_on + interval 6 hour as issued_at,
            case
                when {pick(100, "paid")} < 82
                    then issued_at + to_hours(72 + {pick(600, "paid hours")})
                when {pick(100, "paid")} < 97
                    then issued_at + to_hours(720 + {pick(1200, "paid hours")})
            end as settled_at
        from numbered
        where issued_on >= paid_from and issued_on <= last_day

    )

    select
        greatest(issued_at, known(settled_at, $until)) as happened_at,
        printf('I%07d-%d', number, month) as invoice_id,
        account_id,
        issued_at,
        cast(issued_on + 30 as timestamp) as due_at,
        known(settled_at, $until) as paid_at,
        cast(
            mrr / case {pick(20, "kind")} when 0 then 4 when 1 then -10 else 1 end
            as decimal(18, 2)
        ) as amount,
        currency,
        case {pick(20, "kind")}
            when 0 then 'one_off' when 1 then 'credit' else 'recurring'
        end as kind,
        happened_at as updated_at
    from issued
    """


def csm_assessments_sql(size: Size) -> str:
    """Three of five accounts are assessed every 45 days."""
    offset = draw(45, size.seed, "assessed", "number")
    return f"""
    select
        {day(size.first_day)} + cast(
            round * 45 + case when number = 2 then {size.days % 45} else {offset} end as integer
        ) + interval 15 hour as happened_at,
        printf('C%07d-%d', number, round) as assessment_id,
        account_id,
        happened_at as assessed_at,
        cast(
            {clamped(f"mood // 2 + {draw(3, size.seed, 'sentiment', 'number', 'round')}", "1", "5")}
            as decimal(3, 1)
        ) as sentiment,
        owner as author,
        'Talked to the sponsor.' as note
    from companies, range({size.days // 45 + 1}) as rounds (round)
    where
        number % 5 < 3
        and happened_at >= first_day
        and happened_at < last_day + 1
    """


def score_overrides_sql(size: Size) -> str:
    """One account in 400, lately; none that only comes with the next day."""
    return f"""
    select
        cast(
            case
                when number = 14 then {day(size.next_day)}
                else {day(size.last_day)} - {draw(40, size.seed, "starts", "number")}
            end as timestamp
        ) as happened_at,
        printf('O%07d', number) as override_id,
        account_id,
        cast(20 + {draw(70, size.seed, "override", "number")} as decimal(5, 2)) as score,
        'Agreed with the sponsor.' as reason,
        owner as author,
        happened_at as starts_at,
        happened_at + to_days(cast(30 + {draw(50, size.seed, "lasts", "number")} as integer))
            as expires_at
    from companies
    where (number % 400 = 13 and number <= {size.accounts}) or number = 14
    """


RECORDS = {
    "accounts": accounts_sql,
    "subscriptions": subscriptions_sql,
    "support_tickets": support_tickets_sql,
    "survey_responses": survey_responses_sql,
    "invoices": invoices_sql,
    "csm_assessments": csm_assessments_sql,
    "score_overrides": score_overrides_sql,
}
