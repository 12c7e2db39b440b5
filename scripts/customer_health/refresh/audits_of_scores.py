"""Audits of what would be published: against the last publication, and those of a week and of four
weeks ago."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from customer_health.refresh.findings import (
    MILLIONTH,
    Finding,
    Ground,
    Limits,
    judge,
    percent,
    ratio,
)
from customer_health.refresh.publishing import run_order

# A version may be so many days older than asked for.
SLACK_DAYS = 6


@dataclass(frozen=True)
class Earlier:
    """An earlier publication: the table of its accounts, and how to name it."""

    days_back: int
    run_id: str
    relation: str
    words: str


class ScoreAudits(Ground):
    """`said` is the last published run in which each audit spoke up: what was before it is no
    longer compared with."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        limits: Limits,
        run_date: date,
        said: dict[str, str],
    ) -> None:
        super().__init__(connection, limits, run_date)
        self.said = said

    def row(self, sql: str, *values: object) -> tuple:
        return self.connection.execute(sql, list(values)).fetchall()[0]

    def earlier(self, current: str) -> list[Earlier]:
        """The publications to compare with that there are."""
        found = [Earlier(0, current, "published.marts.customer_health", "than when last published")]
        (as_of,) = self.row("select max(score_date) from working.marts.customer_health")
        ways = sorted({row.days_back for row in self.limits.rows} - {0})
        for days in ways if as_of else ():
            rows = self.connection.execute(
                "select run_id, max(score_date) from published.marts.fct_published_scores"
                " group by run_id having max(score_date) between ? and ? order by run_id desc",
                [as_of - timedelta(days + SLACK_DAYS), as_of - timedelta(days)],
            ).fetchall()
            if rows:
                run_id, day = rows[0]
                self.connection.execute(
                    f"create or replace temp table published_{days} as from"
                    " published.marts.fct_published_scores where run_id = ?",
                    [run_id],
                )
                found.append(Earlier(days, run_id, f"published_{days}", f"than as of {day}"))
        return found

    def changes(self, current: str) -> list[Finding]:
        """Everything that is compared with an earlier publication."""
        found = []
        for one in self.earlier(current):
            for audit in (
                self.accounts_lost,
                self.arr,
                self.coverage,
                self.mean_score,
                self.grades,
                self.colours,
                self.segments,
            ):
                # What was said once, and published, is not said again until its day is past.
                if one.days_back and run_order(one.run_id) < run_order(
                    self.said.get(audit.__name__, "")
                ):
                    continue
                if not self.limits.of(audit.__name__, "*", one.days_back):
                    continue
                found += audit(one)
        return found

    def say(self, audit: str, one: Earlier, value: Decimal, rows: int, text: str) -> list[Finding]:
        return list(judge(self.limits, audit, "*", value, rows, text, days_back=one.days_back))

    def accounts_lost(self, one: Earlier) -> list[Finding]:
        was, gone = self.row(
            "select count(*), count(*) filter (now.account_id is null)"
            f" from {one.relation} as earlier"
            " left join working.marts.customer_health as now using (account_id)"
        )
        if not was:
            return []
        share = ratio(gone, was)
        text = f"{gone:,} of {was:,} accounts are no longer scored, {percent(share)} less"
        return self.say("accounts_lost", one, share, was, f"{text} {one.words}")

    def arr(self, one: Earlier) -> list[Finding]:
        """Down with the accounts that left, up without those that came: growth is no fault."""
        rows, then, kept, both_then, both_now = self.row(
            "select count(*), sum(earlier.arr), sum(coalesce(now.arr, 0)),"
            " sum(earlier.arr) filter (now.arr > 0 and earlier.arr > 0),"
            " sum(now.arr) filter (now.arr > 0 and earlier.arr > 0)"
            f" from {one.relation} as earlier"
            " left join working.marts.customer_health as now using (account_id)"
        )
        if not then:
            return []
        down = max(Decimal(0), 1 - Decimal(kept) / Decimal(then)).quantize(MILLIONTH)
        up = Decimal(0)
        if both_then:
            up = max(Decimal(0), Decimal(both_now) / Decimal(both_then) - 1).quantize(MILLIONTH)
        share, word = max((down, "less"), (up, "more"))
        text = f"ARR of {rows:,} accounts: {percent(share)} {word} {one.words}"
        return self.say("arr", one, share, rows, text)

    def coverage(self, one: Earlier) -> list[Finding]:
        rows, then, now = self.row(
            "select count(*), avg(earlier.coverage), avg(coalesce(now.coverage, 0))"
            f" from {one.relation} as earlier"
            " inner join working.marts.customer_health as now using (account_id)"
        )
        if not rows or then is None:
            return []
        change = (Decimal(now) - Decimal(then)).quantize(MILLIONTH)
        text = f"known weight of {rows:,} accounts: {percent(Decimal(now))},"
        text += f" {percent(abs(change))} {'more' if change > 0 else 'less'} {one.words}"
        return self.say("coverage", one, abs(change), rows, text)

    def mean_score(self, one: Earlier) -> list[Finding]:
        rows, then, now = self.row(
            "select count(*), avg(earlier.health_score), avg(now.health_score)"
            f" from {one.relation} as earlier"
            " inner join working.marts.customer_health as now using (account_id)"
            " where earlier.health_score is not null and now.health_score is not null"
        )
        if not rows:
            return []
        change = (Decimal(now) - Decimal(then)).quantize(MILLIONTH)
        text = f"mean score of {rows:,} accounts: {now:.1f}, {abs(change):.1f} points"
        text += f" {'higher' if change > 0 else 'lower'} {one.words}"
        return self.say("mean_score", one, abs(change), rows, text)

    def moved(self, audit: str, one: Earlier, column: str, words: str) -> list[Finding]:
        rows, other = self.row(
            f"select count(*), count(*) filter (now.{column} is distinct from earlier.{column})"
            f" from {one.relation} as earlier"
            " inner join working.marts.customer_health as now using (account_id)"
        )
        if not rows:
            return []
        share = ratio(other, rows)
        text = f"{other:,} of {rows:,} accounts have another {words}, {percent(share)},"
        return self.say(audit, one, share, rows, f"{text} {one.words}")

    def grades(self, one: Earlier) -> list[Finding]:
        return self.moved("grades", one, "grade", "grade")

    def colours(self, one: Earlier) -> list[Finding]:
        return self.moved("colours", one, "colour", "colour")

    def segments(self, one: Earlier) -> list[Finding]:
        return self.moved("segments", one, "segment", "segment")

    def empty_book(self) -> list[Finding]:
        """Accounts in force, and how many of them have no score."""
        rows, scored = self.row(
            "select count(*), count(health_score) from working.marts.customer_health"
        )
        share = ratio(rows - scored, rows) if rows else Decimal(1)
        text = f"{scored:,} of {rows:,} accounts in force have a score"
        return list(judge(self.limits, "empty_book", "*", share, max(1, rows), text))

    def as_of_lag(self, has_published: bool) -> list[Finding]:
        """Days after the as-of date on whose weekday usage always came, and did not; more than in
        the best of the last seven runs, as some feeds are always late."""
        (as_of,) = self.row("select max(score_date) from working.marts.customer_health")
        if as_of is None:
            return []
        days = self.missing_days(as_of, self.run_date)
        usual = 0
        if has_published:
            usual = min(
                (
                    self.missing_days(then, ran)
                    for ran, then in self.connection.execute(
                        "select run_date, as_of_date from published.marts.mart_status"
                        " where as_of_date is not null and run_date < ?"
                        " order by run_id desc limit 7",
                        [self.run_date],
                    ).fetchall()
                ),
                default=0,
            )
        late = Decimal(max(0, days - usual))
        text = (
            f"the feed stopped: the as-of date has not moved since {as_of}; usage of {days:,}"
            f" day{'s' * (days > 1)}, which always came by now, has not"
        )
        if not late:
            text = f"the as-of date is {as_of}"
        return list(judge(self.limits, "as_of_lag", "*", late, 1, text))

    def missing_days(self, as_of: date, run_date: date) -> int:
        """Days after the as-of date, before the run date, on whose weekday there was enough usage
        in each of the last four weeks."""
        days = [
            as_of + timedelta(n)
            for n in range(1, min((run_date - as_of).days, 60))
            if as_of + timedelta(n) < run_date
        ]
        missing = 0
        for day in days:
            weekdays = [day - timedelta(7 * n) for n in range(1, 14)]
            before = [one for one in weekdays if one <= as_of][:4]
            (carried,) = self.row(
                "select count(*) from days where input = 'usage_events' and list_contains(?, day)"
                " and accounts * 10 >= (select median(accounts) from days"
                " where input = 'usage_events')",
                before,
            )
            missing += len(before) == 4 and carried == 4
        return missing
