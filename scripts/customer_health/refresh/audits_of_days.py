"""Audits of business days: every new day of usage, and the newest week of the other inputs, against
the days before."""

from datetime import date, timedelta
from decimal import Decimal

from customer_health.inputs import raw_files
from customer_health.refresh import profiles
from customer_health.refresh.findings import Finding, Ground, both_ways, judge, percent, ratio
from customer_health.refresh.pieces import UNIT_ROWS, Piece
from customer_health.refresh.profiles import USAGE

WEEKS = 4


class DayAudits(Ground):
    """`find_new_days` comes first."""

    def find_new_days(self) -> None:
        """Tables of days of usage: those that are new, or hold a fifth more or less than when they
        were published; those that were published."""
        self.connection.execute(
            f"""
            create or replace temp table published_days as
            select day from days_before where input = '{USAGE}'
            """
        )
        self.connection.execute(
            f"""
            create or replace temp table new_days as
            select days.day
            from days left join days_before using (input, day)
            where days.input = '{USAGE}' and days.day < ?
                and (
                    days_before.day is null
                    or abs(days.row_count - days_before.row_count) * 5 > days_before.row_count
                )
                -- Of the first publication the last week is looked at.
                and (
                    exists (select 1 from days_before where input = '{USAGE}')
                    or days.day > (select max(day) from days where input = '{USAGE}') - 7
                )
            """,
            [self.run_date],
        )

    def volume(self) -> list[Finding]:
        """Rows, events and users of every new day of usage against the same weekdays before."""
        rows = self.rows(
            f"""
            with usage_by_day as (

                select * from days where input = '{USAGE}'

            ),

            recent as (

                select now.day, median(earlier.row_count) as usual_rows
                from usage_by_day as now
                inner join usage_by_day as earlier
                    on earlier.day between now.day - 28 and now.day - 1
                where now.day in (from new_days)
                group by now.day

            )

            select
                now.day,
                -- A weekday that is always quiet says little by being quieter.
                2 * median(earlier.row_count) >= any_value(recent.usual_rows) as is_busy,
                now.row_count, now.events, now.users,
                cast(median(earlier.row_count) as bigint), cast(median(earlier.events) as bigint),
                cast(median(earlier.users) as bigint)
            from usage_by_day as now
            inner join recent using (day)
            inner join usage_by_day as earlier
                on now.day - earlier.day in ({", ".join(str(7 * n + 7) for n in range(WEEKS))})
            group by now.day, now.row_count, now.events, now.users
            order by now.day
            """
        )
        found: list[Finding] = []
        for day, is_busy, *figures in rows:
            for column, now, usual in zip(
                ("rows", "events", "users"), figures[:3], figures[3:], strict=True
            ):
                if not usual:
                    continue
                text = f"{USAGE}: {now:,} {column} on {day}, usual on that weekday are {usual:,}"
                share = ratio(now, usual)
                if share > 2:
                    text += ": the feed exploded"
                elif share * 2 < 1:
                    text += ": the feed stopped or is not complete"
                if is_busy:
                    found += judge(
                        self.limits, "volume_low", USAGE, share, usual, text, column=column,
                        is_low=True, day=day,
                    )  # fmt: skip
                found += judge(
                    self.limits, "volume_high", USAGE, share, usual, text, column=column, day=day
                )
        return found

    def volume_of_others(self) -> list[Finding]:
        """Records of the newest week of an input against the weeks before it; rows of a file where
        all files before have about as many."""
        found: list[Finding] = []
        for contract in raw_files.read_contract():
            name = contract.name
            if name == USAGE or self.limits.is_off("volume_high", name):
                continue
            newest = profiles.newest_day(self.connection, name)
            if newest is None or not self.has_new_days(name):
                continue
            newest = min(newest, self.run_date - timedelta(1))
            weeks = [
                int(count)
                for (count,) in self.rows(
                    """
                    select coalesce(sum(row_count), 0)
                    from generate_series(0, 8) as weeks (week)
                    left join days
                        on days.input = ? and days.day <= ?::date - cast(7 * week as integer)
                            and days.day > ?::date - cast(7 * week + 7 as integer)
                    group by week order by week
                    """,
                    name,
                    newest,
                    newest,
                )
            ]
            usual = sorted(weeks[1:])[len(weeks[1:]) // 2]
            if usual:
                text = f"{name}: {weeks[0]:,} records in the week to {newest}, usual are {usual:,}"
                found += judge(
                    self.limits, "volume_high", name, ratio(weeks[0], usual), usual, text
                )
        return found

    def has_new_days(self, name: str) -> bool:
        return bool(
            self.rows(
                "select 1 from days left join days_before using (input, day) where days.input = ?"
                " and days.row_count is distinct from days_before.row_count limit 1",
                name,
            )
        )

    def usage_levels(self) -> list[Finding]:
        """Events and seconds of a row of usage on new days against the account's last days."""
        found: list[Finding] = []
        for column, value in (
            ("event_count", "cast(events as double) / accepted_rows"),
            ("duration_seconds", "cast(duration_seconds as double) / accepted_rows"),
        ):
            rows = self.rows(
                f"""
                with levels as (

                    select account_id, activity_date, {value} as value
                    from working.activity.account_activity_daily
                    where activity_date > (select min(day) from new_days) - 60
                        and {value} > 0

                ),

                earlier as (

                    select account_id, median(value) as value
                    from (
                        select *, row_number() over (
                            partition by account_id order by activity_date desc
                        ) as number
                        from levels
                        where activity_date in (from published_days)
                    )
                    where number <= 3
                    group by account_id

                )

                select activity_date, count(*), median(levels.value / earlier.value)
                from levels inner join earlier using (account_id)
                where activity_date in (from new_days)
                group by activity_date order by activity_date
                """
            )
            for day, count, middle in rows:
                text = (
                    f"{USAGE}.{column}: on {day} the median of {count:,} accounts is"
                    f" {middle:,.3g} times what they had a row before"
                )
                found += judge(
                    self.limits, "level_shift", USAGE, both_ways(middle), count, text, column=column
                )
        return found

    def repeated_usage(self) -> list[Finding]:
        """Days of usage whose rows grew without a new account, user or feature in them: rows that
        were sent again under other ids."""
        rows = self.rows(
            f"""
            with usage_by_day as (

                select * from days where input = '{USAGE}'

            ),

            usual as (

                select now.day,
                    median(earlier.row_count / earlier.combinations) as rows_a_combination
                from usage_by_day as now
                inner join days_before as earlier
                    on earlier.input = '{USAGE}' and earlier.combinations > 0
                        and earlier.day between now.day - 28 and now.day
                where now.day in (from new_days)
                group by now.day

            )

            select
                now.day, now.row_count, now.combinations,
                coalesce(before.row_count / before.combinations, usual.rows_a_combination)
            from usage_by_day as now
            left join days_before as before
                on before.input = '{USAGE}' and before.day = now.day
            left join usual on usual.day = now.day
            where now.day in (from new_days)
            order by now.day
            """
        )
        found: list[Finding] = []
        for day, count, combinations, usual in rows:
            if usual:
                expected = combinations * float(usual)
                share = max(Decimal(0), 1 - Decimal(expected) / count).quantize(Decimal("1e-6"))
                text = (
                    f"{USAGE}: {count:,} rows on {day}, {expected:,.0f} are usual for the accounts,"
                    " users and features in them: sent again under other ids?"
                )
                found += judge(
                    self.limits, "repeated_rows", USAGE, share, int(expected), text, day=day
                )
        return found

    def active_accounts(self) -> list[Finding]:
        """Accounts that are there on every such weekday, and not on a new day, while the others are
        as active as ever; and accounts of a week against the week before."""
        found: list[Finding] = []
        rows = self.rows(
            f"""
            with activity as (

                select account_id, activity_date, accepted_rows
                from working.activity.account_activity_daily
                where activity_date > (select min(day) from new_days) - 36

            ),

            regulars as (

                select new_days.day, activity.account_id, median(accepted_rows) as usual_rows
                from new_days inner join activity
                    on new_days.day - activity.activity_date in (7, 14, 21, 28)
                group by all having count(*) = {WEEKS}

            )

            select
                regulars.day,
                count(*),
                count(*) filter (activity.account_id is null),
                sum(activity.accepted_rows) / sum(usual_rows) filter (
                    activity.account_id is not null
                )
            from regulars
            left join activity
                on regulars.account_id = activity.account_id
                    and regulars.day = activity.activity_date
            group by regulars.day order by regulars.day
            """
        )
        for day, regular, absent, others in rows:
            text = f"{USAGE}: {absent:,} of {regular:,} accounts that are always active on that"
            text += f" weekday were not on {day}, while the others were as active as usual"
            is_quiet = others is None or others < 0.8
            found += judge(
                self.limits, "active_accounts", USAGE, ratio(absent, regular), regular, text,
                is_good=is_quiet or None, day=day,
            )  # fmt: skip
        ((now, then),) = self.rows(
            """
            with newest as (select max(day) as day from days where input = 'usage_events'
                and day < ?)

            select
                count(distinct account_id) filter (activity_date > newest.day - 7),
                count(distinct account_id) filter (activity_date <= newest.day - 7)
            from working.activity.account_activity_daily, newest
            where activity_date between newest.day - 13 and newest.day
            """,
            self.run_date,
        )
        if then and self.rows("select 1 from new_days limit 1"):
            text = f"{USAGE}: {now:,} accounts were active in the last 7 days, {then:,} in the 7"
            text += " before"
            share = ratio(max(0, then - now), then)
            found += judge(self.limits, "active_accounts", USAGE, share, then, text)
        return found

    def unknown_users(self) -> list[Finding]:
        """Users of a new day that nobody saw in the four weeks before, against the same a week
        before: ids of users that are something else."""
        found: list[Finding] = []
        days = [day for (day,) in self.rows("select max(day) from new_days where day in ("
                "select day from days where input = 'usage_events')")]  # fmt: skip
        for day in filter(None, days):
            now, before = (self.share_of_unknown_users(day - timedelta(n)) for n in (0, 7))
            if now is None or before is None or before.whole < UNIT_ROWS:
                continue
            more = max(Decimal(0), now.share - before.share)
            text = (
                f"{USAGE}.user_id: {now.part:,} of {now.whole:,} users on {day} were never seen in"
                f" four weeks, {percent(now.share)} (a week before {percent(before.share)})"
            )
            found += judge(
                self.limits, "new_users", USAGE, more, now.whole, text, column="user_id", day=day
            )
        return found

    def share_of_unknown_users(self, day: date) -> Piece | None:
        ((part, whole, earlier),) = self.rows(
            """
            with pairs as (

                select account_id, user_id, max(activity_date) as last_day,
                    min(activity_date) as first_day
                from working.activity.usage_activity_daily
                where activity_date between ?::date - 28 and ? and user_id is not null
                group by account_id, user_id

            )

            select
                count(*) filter (last_day = ? and first_day = ?),
                count(*) filter (last_day = ?),
                count(*) filter (first_day < ?)
            from pairs
            """,
            day, day, day, day, day, day,
        )  # fmt: skip
        return Piece(part, whole) if whole and earlier else None
