"""A small invented company whose raw inputs grow, arrive late and get corrected, by seed.

For tests/oracle/law.py. A company is a folder of raw inputs, a few thousand rows, and the things
that can happen to it: KINDS, each a load (or a change of the scoring seeds) with a name. The same
seed tells the same story: all chance comes from one stream, in the order of the calls.

How the inputs arrive differs from company to company: CSV or Parquet (typed where every cell of a
file casts); `_loaded_at` as a moment, as a day (so that two loads share it) or not at all; versions
of a row added to those before, or in place of them. Without `_loaded_at`, usage that is already
there changes for 20 days only: older corrections are beyond what the project promises to see.
"""

import csv
import random
import tempfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
from customer_health.inputs.raw_files import Contract, read_contract
from stress import append_rows, read_rows

Row = dict[str, str]
Happening = Callable[["Company"], str | None]

CORRECTABLE_DAYS = 20
ENGINE_TYPES = {"decimal": "decimal(18, 6)"}
PLANS = ("starter", "team", "business", "enterprise", "")
INDUSTRIES = ("Software", "Retail", "Banking", "healthcare", "Insurance ", "n/a")
CURRENCIES = ("", "USD", "eur", "GBP", "JPY", "XXX")
FEATURES = (
    *("login", "dashboard", "create_project", "comment", "report_builder", "search", "api_call"),
    *("invite_user", "sso_setup", "import_data", "audit_log", "approval_workflow", "unlisted"),
)
NO_MOMENT = ("", "n/a", "31.12.2025", "1767225600", "soon", "2026-02-30")


class Feed:
    """The files of one raw input: rows of text by file name, written only where they changed."""

    def __init__(self, contract: Contract, rng: random.Random) -> None:
        self.name = contract.name
        self.types = {column.name: column.type for column in contract.columns}
        self.is_parquet = rng.random() < 0.4
        usual = (0.5, 0.3, 0.2) if self.name == "usage_events" else (0.4, 0.2, 0.4)
        [self.stamps] = rng.choices(("moment", "day", "none"), usual)
        self.keeps_versions = self.name == "usage_events" or rng.random() < 0.5
        self.is_absent = False
        self.files: dict[str, list[Row]] = {}
        self._written: set[str] = set()
        self._number = 0

    @property
    def manner(self) -> str:
        """How this feed arrives, in words."""
        kind = "Parquet" if self.is_parquet else "CSV"
        versions = "versions" if self.keeps_versions else "snapshots"
        return f"{self.name}: {kind}, _loaded_at {self.stamps}, {versions}"

    def add(self, rows: Iterable[Row], stamp: datetime | None) -> None:
        """Put rows into a file of their own. Without a stamp they keep those they have."""
        self._number += 1
        self.files[f"load_{self._number:04}"] = [
            row if stamp is None else {**row, "_loaded_at": self.stamp_text(stamp)} for row in rows
        ]

    def replace(self, rows: Iterable[Row], stamp: datetime | None) -> None:
        """Put rows in the place of all files."""
        self.files = {}
        self.add(rows, stamp)

    def stamp_text(self, stamp: datetime) -> str:
        return str(stamp.date() if self.stamps == "day" else stamp)

    def write(self, raw: Path) -> None:
        """Make the folder of the input hold these files."""
        folder = raw / self.name
        folder.mkdir(parents=True, exist_ok=True)
        suffix = "parquet" if self.is_parquet else "csv"
        wanted = {} if self.is_absent else self.files
        for name in self._written - wanted.keys():
            (folder / f"{name}.{suffix}").unlink()
        for name in wanted.keys() - self._written:
            self._write_file(folder / f"{name}.{suffix}", wanted[name])
        self._written = set(wanted)

    def _write_file(self, path: Path, rows: list[Row]) -> None:
        columns = [*self.types, *(["_loaded_at"] if self.stamps != "none" else [])]
        if not self.is_parquet:
            write_rows(path, columns, rows)
            return
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            text = Path(folder) / "rows.csv"
            write_rows(text, columns, rows)
            connection.read_csv(
                str(text),
                columns={name: "varchar" for name in columns},
                header=True,
                delimiter=",",
                auto_detect=False,
            ).to_table("received")
            types = {
                name: ENGINE_TYPES.get(kind, kind)
                for name, kind in {**self.types, "_loaded_at": "timestamp"}.items()
                if name in columns and kind != "varchar"
            }
            faults = ", ".join(
                f"count(*) filter (where {name} is not null and try_cast({name} as {kind}) is null)"
                for name, kind in types.items()
            )
            counts = connection.execute(f"select {faults} from received").fetchone()
            clean = {name for name, count in zip(types, counts, strict=True) if not count}
            cells = ", ".join(
                f"cast({name} as {types[name]}) as {name}" if name in clean else name
                for name in columns
            )
            connection.execute(f"copy (select {cells} from received) to '{path}' (format parquet)")


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Row]) -> None:
    """Write rows as CSV, in the order of the columns; cells that a row lacks are blank."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, list(columns), restval="", extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


class Company:
    """The raw inputs of a company as they stand, and the scoring seeds it is scored with."""

    def __init__(self, seed: int, seeds: Path) -> None:
        self.rng = random.Random(f"the law, sequence {seed}")
        rng = self.rng
        self.seeds = seeds
        self.first_day = date(2026, 1, 1) + timedelta(days=rng.randrange(60))
        self.today = self.first_day + timedelta(days=rng.randint(80, 120) - 1)
        self.clock = datetime.combine(self.today + timedelta(days=1), time(2))
        self.feeds = {contract.name: Feed(contract, rng) for contract in read_contract()}
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in self.feeds}
        self.keys = {name: next(iter(feed.types)) for name, feed in self.feeds.items()}
        self.events: list[tuple[date, Row]] = []
        self.strangers: list[str] = []
        self.levels: dict[str, float] = {}
        self.users: dict[str, list[str]] = {}
        self.numbers: dict[str, int] = {}
        self._found()

    # ---------------------------------------------------------------- chance and time

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def day(self, earliest: int, latest: int) -> date:
        """A day, given in days from today."""
        return self.today + timedelta(days=self.rng.randint(earliest, latest))

    @property
    def age(self) -> int:
        """Days from the first day to today."""
        return (self.today - self.first_day).days

    def moment(self, day: date) -> str:
        """A moment of that day, written in one of the ways people write it."""
        rng = self.rng
        clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        forms = ("{d} {c}", "{d} {c}", "{d} {c}", "{d}T{c}Z", "{d}", "{d} {c}+02:00", " {d} {c} ")
        return rng.choice(forms).format(d=day, c=clock)

    def stamp(self) -> datetime:
        """The moment of the next load."""
        morning = datetime.combine(self.today + timedelta(days=1), time(2))
        later = self.clock + timedelta(minutes=self.rng.randint(1, 60))
        self.clock = max(later, morning)
        return self.clock

    def number(self, prefix: str) -> str:
        self.numbers[prefix] = self.numbers.get(prefix, 0) + 1
        return f"{prefix}{self.numbers[prefix]:04}"

    # ---------------------------------------------------------------- rows

    def account(self) -> str:
        return self.rng.choice(list(self.rows["accounts"]))

    def user(self, account: str) -> str:
        return "" if self.chance(0.05) else self.rng.choice(self.users[account])

    def new_account(self, account: str, created: date) -> Row:
        rng = self.rng
        self.levels.setdefault(account, rng.choice((0, 0.2, 0.5, 0.8, 0.95)))
        self.users.setdefault(account, [f"u{number}" for number in range(1, rng.randint(2, 6))])
        others = list(self.rows["accounts"])
        return {
            "account_id": account,
            "account_name": rng.choice((f"Company {account}", "")),
            "parent_account_id": rng.choice(others) if others and self.chance(0.3) else "",
            "industry": rng.choice(INDUSTRIES),
            "region": rng.choice(("EMEA", "AMER", "")),
            "owner": rng.choice(("Ada", "Ben", "")),
            "created_at": self.moment(created),
            "is_test": rng.choice(("", "", "false", "no", "maybe", "true")),
        }

    def new_subscription(self, account: str, started: date) -> Row:
        rng = self.rng
        ends = started + timedelta(days=rng.choice((30, 90, 365)))
        return {
            "subscription_id": self.number("s"),
            "account_id": account,
            "plan": rng.choice(PLANS),
            "seats": rng.choice(("", "5", "10.0", "50", "250", "ten")),
            "mrr": rng.choice(("", "99.36", "1500", "2400.5", "9000", "-5")),
            "currency": rng.choice(CURRENCIES),
            "is_trial": rng.choice(("", "false", "0", "true")),
            "auto_renew": rng.choice(("", "true", "false")),
            "started_at": self.moment(started),
            "term_ends_at": self.moment(ends),
            "ended_at": self.moment(ends) if self.chance(0.2) else "",
        }

    def new_ticket(self, account: str, opened: date) -> Row:
        rng = self.rng
        solved = opened + timedelta(days=rng.randrange(1, 20))
        is_solved = self.chance(0.6) and solved <= self.today
        return {
            "ticket_id": self.number("t"),
            "account_id": account,
            "opened_at": self.moment(opened),
            "solved_at": self.moment(solved) if is_solved else "",
            "priority": rng.choice(("low", "normal", "HIGH", "urgent", "", "blocker")),
            "reopen_count": rng.choice(("", "0", "1", "2", "-1")),
            "csat_score": rng.choice(("1", "3", "4.5", "9")) if is_solved else "",
        }

    def new_survey(self, account: str, answered: date) -> Row:
        rng = self.rng
        kind = rng.choice(("nps", "NPS", "csat"))
        return {
            "response_id": self.number("r"),
            "account_id": account,
            "user_id": self.user(account),
            "responded_at": self.moment(answered),
            "survey_type": kind,
            "score": str(rng.randint(0, 11) if kind != "csat" else rng.randint(1, 5)),
        }

    def new_invoice(self, account: str, issued: date) -> Row:
        rng = self.rng
        paid = issued + timedelta(days=rng.randrange(1, 50))
        is_paid = self.chance(0.6) and paid <= self.today
        return {
            "invoice_id": self.number("i"),
            "account_id": account,
            "issued_at": self.moment(issued),
            "due_at": self.moment(issued + timedelta(days=30)),
            "paid_at": self.moment(paid) if is_paid else "",
            "amount": rng.choice(("100", "99.36", "2400.5", "1,200")),
            "currency": rng.choice(CURRENCIES),
            "kind": rng.choice(("recurring", "recurring", "one_off", "credit", "gift")),
        }

    def new_assessment(self, account: str, assessed: date) -> Row:
        return {
            "assessment_id": self.number("a"),
            "account_id": account,
            "assessed_at": self.moment(assessed),
            "sentiment": self.rng.choice(("1", "2", "3", "4", "5", "6")),
            "author": "Ada",
        }

    def new_override(self, account: str, starts: date) -> Row:
        ends = starts + timedelta(days=self.rng.choice((0, 5, 30, 90, 91)))
        return {
            "override_id": self.number("o"),
            "account_id": account,
            "score": self.rng.choice(("0", "15", "72.345", "100")),
            "reason": "agreed",
            "author": "Ada",
            "starts_at": self.moment(starts),
            "expires_at": self.moment(ends),
        }

    def new_event(self, account: str, day: date) -> Row:
        """A usage event, remembered, so that it can be sent again."""
        rng = self.rng
        event = {
            "event_id": self.number("e"),
            "account_id": account,
            "user_id": self.user(account),
            "event_at": self.moment(day),
            "feature": rng.choice(FEATURES),
            "duration_seconds": rng.choice(("", "30", "61.5", "600")),
            "event_count": rng.choice(("", "1", "3")),
        }
        self.events.append((day, event))
        return event

    def usage(self, *days: date) -> list[Row]:
        """What the accounts did on those days, those who are unknown too."""
        return [
            self.new_event(account, day)
            for day in days
            for account, level in self.levels.items()
            if self.chance(level)
            for _ in range(self.rng.choice((1, 1, 2, 4)))
        ]

    def _found(self) -> None:
        """The years up to now, as the first load brings them."""
        rng = self.rng
        rows = self.rows
        for _ in range(rng.randint(12, 18)):
            name = self.number("c")
            rows["accounts"][name] = self.new_account(name, self.day(-self.age - 200, -5))
        self.strangers = [self.number("x") for _ in range(2)]
        for name in self.strangers:
            self.new_account(name, self.today)
            self.levels[name] = 0.3
        for _ in range(len(rows["accounts"]) * 3 // 2):
            self.keep("subscriptions", self.new_subscription(self.account(), self.day(-400, -1)))
        for account in rows["accounts"]:
            self.keep("subscriptions", self.new_subscription(account, self.day(-250, -60)))
        for name, make, many, back in (
            ("support_tickets", self.new_ticket, 40, self.age),
            ("survey_responses", self.new_survey, 40, self.age),
            ("invoices", self.new_invoice, 50, 200),
            ("csm_assessments", self.new_assessment, 12, 120),
            ("score_overrides", self.new_override, 3, 60),
        ):
            for _ in range(many):
                self.keep(name, make(self.account(), self.day(-back, 0)))
        stamp = self.stamp()
        for name, feed in self.feeds.items():
            if name == "usage_events":
                self._first_usage(feed, stamp)
            else:
                feed.add(rows[name].values(), stamp)
                feed.is_absent = name in OPTIONAL and self.chance(0.08)

    def _first_usage(self, feed: Feed, stamp: datetime) -> None:
        """Usage day by day as it was loaded then, or all of it loaded at once."""
        nightly = self.chance(0.5)
        parts = []
        for back in range(self.age, -1, -1):
            day = self.day(-back, -back)
            loaded = datetime.combine(day + timedelta(days=1), time(2)) if nightly else stamp
            parts += [{**e, "_loaded_at": feed.stamp_text(loaded)} for e in self.usage(day)]
        feed.add(parts, None)

    # ---------------------------------------------------------------- loads

    def keep(self, name: str, row: Row) -> None:
        """Take a row over as the newest version of its key."""
        self.rows[name][row[self.keys[name]]] = row

    def load(self, name: str, *rows: Row) -> None:
        """Load new or newer rows of an input other than usage."""
        stamp = self.stamp()
        feed = self.feeds[name]
        dated = [
            {**row, "updated_at": "" if self.chance(0.1) else str(stamp - timedelta(hours=8))}
            for row in rows
        ]
        for row in dated:
            self.keep(name, row)
        if feed.keeps_versions:
            feed.add(dated, stamp)
        else:
            feed.replace(self.rows[name].values(), stamp)

    def load_usage(self, rows: Iterable[Row]) -> None:
        """Load usage rows as a file of their own."""
        self.feeds["usage_events"].add(rows, self.stamp())

    @property
    def sees_old_usage(self) -> bool:
        """Whether a change of usage of any age can be noticed: by `_loaded_at`."""
        return self.feeds["usage_events"].stamps != "none"

    def late_day(self, earliest: int, latest: int) -> date | None:
        """A past day on which usage may still change; None if there is none in that span."""
        if not self.sees_old_usage:
            earliest = max(earliest, -CORRECTABLE_DAYS)
        return self.day(earliest, latest) if earliest <= latest else None

    def sent(self) -> list[tuple[date, Row]]:
        """The events that may be sent again."""
        oldest = self.today - timedelta(days=CORRECTABLE_DAYS)
        return [
            (day, event)
            for day, event in self.events
            if (self.sees_old_usage or day > oldest) and day <= self.today
        ]

    def sent_on_a_day(self) -> tuple[date, list[Row]] | None:
        """A day whose events may be sent again, with them."""
        sent = self.sent()
        if not sent:
            return None
        day = self.rng.choice(sorted({day for day, _ in sent}))
        return day, [event for other, event in sent if other == day]

    def write(self, raw: Path) -> None:
        """Make the raw folder hold what has been loaded."""
        for feed in self.feeds.values():
            feed.write(raw)


OPTIONAL = (
    *("support_tickets", "survey_responses", "invoices"),
    *("csm_assessments", "score_overrides"),
)

ADVANCING: dict[str, Happening] = {}
OF_USAGE: dict[str, Happening] = {}
OF_OTHERS: dict[str, Happening] = {}
OF_SEEDS: dict[str, Happening] = {}


def kind(name: str, registry: dict[str, Happening]) -> Callable[[Happening], Happening]:
    """Register something that can happen. It returns what happened, in words, or None where it
    cannot happen to the company as it stands."""

    def register(happening: Happening) -> Happening:
        registry[name] = happening
        return happening

    return register


# -------------------------------------------------------------------- time goes on


@kind("a new day of usage", ADVANCING)
def new_day(company: Company) -> str:
    company.today += timedelta(days=1)
    rows = company.usage(company.today)
    company.load_usage(rows)
    return f"{company.today}, {len(rows)} events"


@kind("several days at once", ADVANCING)
def several_days(company: Company) -> str:
    days = company.rng.randint(2, 8)
    company.today += timedelta(days=days)
    rows = company.usage(*(company.day(-back, -back) for back in range(days)))
    company.load_usage(rows)
    return f"{days} days up to {company.today}, {len(rows)} events"


@kind("an empty day", ADVANCING)
def empty_day(company: Company) -> str:
    company.today += timedelta(days=1)
    if company.chance(0.3):
        company.load_usage([])
        return f"{company.today}, a file without rows"
    return f"{company.today}, no file"


@kind("weeks ahead", ADVANCING)
def weeks_ahead(company: Company) -> str:
    weeks = company.rng.randint(3, 7)
    company.today += timedelta(weeks=weeks)
    if company.chance(0.3):
        return f"{weeks} weeks to {company.today}, no usage"
    rows = company.usage(*(company.day(-back, -back) for back in range(7 * weeks)))
    company.load_usage(rows)
    return f"{weeks} weeks to {company.today}, {len(rows)} events"


# -------------------------------------------------------------------- usage


def load_late(company: Company, earliest: int, latest: int) -> str | None:
    """A few accounts' usage of one to three late days."""
    days = [company.late_day(earliest, latest) for _ in range(company.rng.randint(1, 3))]
    if None in days:
        return None
    account = company.account()
    rows = [company.new_event(account, day) for day in days for _ in range(2)]
    company.load_usage(rows)
    return f"{account} on {', '.join(sorted({str(day) for day in days}))}"


@kind("late usage of the last weeks", OF_USAGE)
def late_usage(company: Company) -> str | None:
    return load_late(company, -27, -1)


@kind("late usage of months ago", OF_USAGE)
def old_late_usage(company: Company) -> str | None:
    return load_late(company, -company.age, -30)


@kind("late usage older than every window", OF_USAGE)
def ancient_usage(company: Company) -> str | None:
    return load_late(company, -company.age - 400, -company.age - 100)


@kind("usage of everybody before the feed's first day", OF_USAGE)
def earlier_feed(company: Company) -> str | None:
    if not company.sees_old_usage:
        return None
    days = company.rng.randint(3, 15)
    company.first_day -= timedelta(days=days)
    first = company.first_day
    rows = company.usage(*(first + timedelta(days=number) for number in range(days)))
    company.load_usage(rows)
    return f"from {first}, {len(rows)} events"


@kind("a file sent again", OF_USAGE)
def sent_again(company: Company) -> str | None:
    if not (found := company.sent_on_a_day()):
        return None
    day, events = found
    company.load_usage(events)
    return f"{len(events)} events of {day}, unchanged"


@kind("a file sent again, overlapping", OF_USAGE)
def sent_overlapping(company: Company) -> str | None:
    if not (found := company.sent_on_a_day()):
        return None
    day, events = found
    new = [company.new_event(company.account(), day) for _ in range(3)]
    company.load_usage([*events[::2], *events[:1], *new])
    return f"half of {day} again and 3 more events"


def send_changed(company: Company, **cells: str) -> str | None:
    """Send one to three events again, with other cells."""
    if not (sent := company.sent()):
        return None
    chosen = company.rng.sample(sent, min(len(sent), company.rng.randint(1, 3)))
    rows = [{**event, **cells} for _, event in chosen]
    company.load_usage(rows)
    days = ", ".join(sorted({str(day) for day, _ in chosen}))
    what = ", ".join(f"{name} {value or 'blank'}" for name, value in cells.items())
    return f"{what} in {len(rows)} events of {days}"


@kind("an event with another feature", OF_USAGE)
def other_feature(company: Company) -> str | None:
    return send_changed(company, feature=company.rng.choice(FEATURES))


@kind("an event with another duration", OF_USAGE)
def other_duration(company: Company) -> str | None:
    return send_changed(company, duration_seconds=company.rng.choice(("", "90", "-5", "4.5")))


@kind("an event with another count", OF_USAGE)
def other_count(company: Company) -> str | None:
    return send_changed(company, event_count=company.rng.choice(("", "7", "0")))


@kind("an event of another user", OF_USAGE)
def other_user(company: Company) -> str | None:
    return send_changed(company, user_id=company.rng.choice(("", "u1", "u9")))


@kind("an event of another account", OF_USAGE)
def other_account(company: Company) -> str | None:
    return send_changed(company, account_id=company.account())


@kind("an event id on another day", OF_USAGE)
def other_day(company: Company) -> str | None:
    if not (day := company.late_day(-60, -1)):
        return None
    return send_changed(company, event_at=company.moment(day))


@kind("usage of an unknown account", OF_USAGE)
def unknown_usage(company: Company) -> str | None:
    if company.chance(0.5):
        name = company.number("x")
        company.strangers.append(name)
        company.new_account(name, company.today)
    elif not company.strangers:
        return None
    account = company.rng.choice(company.strangers)
    days = [company.late_day(-90, 0) for _ in range(4)]
    company.load_usage([company.new_event(account, day) for day in days])
    return f"{account}, {len(days)} events"


@kind("usage rows with bad cells", OF_USAGE)
def bad_usage(company: Company) -> str:
    day = company.day(-CORRECTABLE_DAYS, 0)
    events = [company.new_event(company.account(), day) for _ in range(5)]
    faults = (
        {"duration_seconds": "-1"},
        {"duration_seconds": "long", "event_count": "1.5"},
        {"feature": "n/a"},
        {"account_id": ""},
        {"event_id": "-"},
    )
    company.load_usage([e | fault for e, fault in zip(events, faults, strict=True)])
    return f"5 of {day}"


@kind("usage rows without a valid date", OF_USAGE)
def dateless_usage(company: Company) -> str:
    events = [company.new_event(company.account(), company.today) for _ in range(3)]
    moments = [company.rng.choice(NO_MOMENT) for _ in events]
    if company.sees_old_usage:
        moments[0] = "1900-01-01"
    company.load_usage([e | {"event_at": m} for e, m in zip(events, moments, strict=True)])
    return f"{moments}"


@kind("usage rows dated ahead", OF_USAGE)
def usage_ahead(company: Company) -> str:
    days = [company.day(1, 10) for _ in range(3)]
    company.load_usage([company.new_event(company.account(), day) for day in days])
    return ", ".join(str(day) for day in sorted(days))


@kind("usage rows without _loaded_at of their own", OF_USAGE)
def unstamped_usage(company: Company) -> str | None:
    feed = company.feeds["usage_events"]
    if feed.stamps == "none":
        return None
    day = company.day(-CORRECTABLE_DAYS, 0)
    stamp = company.rng.choice(("", "yesterday"))
    rows = [company.new_event(company.account(), day) | {"_loaded_at": stamp} for _ in range(3)]
    feed.add(rows, None)
    return f"3 of {day}, _loaded_at {stamp or 'blank'}"


@kind("a usage file replaced by a corrected one", OF_USAGE)
def usage_corrected(company: Company) -> str | None:
    """As many rows in the place of others; only a newer `_loaded_at` tells."""
    feed = company.feeds["usage_events"]
    if len(feed.files) < 2 or not company.sees_old_usage:
        return None
    name = company.rng.choice(list(feed.files)[1:])
    rows = [row | {"feature": company.rng.choice(FEATURES)} for row in feed.files.pop(name)]
    stamp = company.stamp()
    if any(row["_loaded_at"] == feed.stamp_text(stamp) for row in rows):
        stamp = company.clock = stamp + timedelta(days=1)
    feed.add(rows, stamp)
    return f"{name}, {len(rows)} rows"


@kind("a usage file removed", OF_USAGE)
def usage_removed(company: Company) -> str | None:
    feed = company.feeds["usage_events"]
    if len(feed.files) < 2 or not company.sees_old_usage:
        return None
    name = company.rng.choice(list(feed.files)[1:])
    return f"{name}, {len(feed.files.pop(name))} rows"


@kind("all usage replaced by less of it", OF_USAGE)
def usage_replaced(company: Company) -> str | None:
    feed = company.feeds["usage_events"]
    if not company.sees_old_usage:
        return None
    rows = [row for rows in feed.files.values() for row in rows]
    kept = [row for row in rows if company.chance(0.8)]
    feed.replace(kept, company.stamp() if company.chance(0.5) else None)
    return f"{len(kept)} of {len(rows)} rows in one file"


# -------------------------------------------------------------------- the other inputs


@kind("an unknown account becomes known", OF_OTHERS)
def becomes_known(company: Company) -> str | None:
    if not company.strangers:
        return None
    account = company.strangers.pop(0)
    company.load("accounts", company.new_account(account, company.day(-120, 0)))
    company.load("subscriptions", company.new_subscription(account, company.day(-120, 0)))
    return account


@kind("a new account", OF_OTHERS)
def an_account(company: Company) -> str:
    account = company.number("c")
    company.load("accounts", company.new_account(account, company.day(-10, 0)))
    company.load("subscriptions", company.new_subscription(account, company.day(-10, 0)))
    return account


NEW_ROWS: dict[str, tuple[str, Callable[[Company], Row]]] = {
    "a new subscription": (
        "subscriptions",
        lambda c: c.new_subscription(c.account(), c.day(-5, 20)),
    ),
    "an old subscription arrives late": (
        "subscriptions",
        lambda c: c.new_subscription(c.account(), c.day(-500, -60)),
    ),
    "a ticket opened": ("support_tickets", lambda c: c.new_ticket(c.account(), c.day(-1, 0))),
    "a ticket arrives late": (
        "support_tickets",
        lambda c: c.new_ticket(c.account(), c.day(-c.age, -20)),
    ),
    "the first ticket of all moves earlier": (
        "support_tickets",
        lambda c: c.new_ticket(c.account(), c.day(-c.age - 60, -c.age)),
    ),
    "a survey answer": ("survey_responses", lambda c: c.new_survey(c.account(), c.day(-1, 0))),
    "a survey answer arrives late": (
        "survey_responses",
        lambda c: c.new_survey(c.account(), c.day(-c.age - 60, -10)),
    ),
    "an assessment": ("csm_assessments", lambda c: c.new_assessment(c.account(), c.day(-1, 0))),
    "an assessment arrives late": (
        "csm_assessments",
        lambda c: c.new_assessment(c.account(), c.day(-c.age - 60, -10)),
    ),
    "an invoice": ("invoices", lambda c: c.new_invoice(c.account(), c.day(-1, 0))),
    "an old invoice arrives late": (
        "invoices",
        lambda c: c.new_invoice(c.account(), c.day(-300, -30)),
    ),
    "a credit": (
        "invoices",
        lambda c: c.new_invoice(c.account(), c.day(-100, 0)) | {"kind": "credit", "amount": "-80"},
    ),
    "the first payment of all moves earlier": (
        "invoices",
        lambda c: (
            c.new_invoice(c.account(), c.day(-c.age - 60, -c.age - 20))
            | {"paid_at": c.moment(c.day(-c.age - 20, -c.age + 10)), "amount": "10", "currency": ""}
        ),
    ),
    "an override starts": (
        "score_overrides",
        lambda c: c.new_override(c.account(), c.day(-10, 5)),
    ),
    "an override that is over arrives late": (
        "score_overrides",
        lambda c: c.new_override(c.account(), c.day(-120, -60)),
    ),
    "an override overlaps another": (
        "score_overrides",
        lambda c: c.new_override(
            c.rng.choice(list(c.rows["score_overrides"].values()) or [{"account_id": c.account()}])[
                "account_id"
            ],
            c.day(-15, 0),
        ),
    ),
}

CORRECTIONS: dict[str, tuple[str, Callable[[Company], Row]]] = {
    "an account becomes a test account": ("accounts", lambda c: {"is_test": "true"}),
    "a test account becomes a customer": ("accounts", lambda c: {"is_test": "false"}),
    "an account is deleted": ("accounts", lambda c: {"deleted_at": c.moment(c.day(-c.age, 0))}),
    "an account is no longer deleted": ("accounts", lambda c: {"deleted_at": ""}),
    "an account was created earlier": (
        "accounts",
        lambda c: {"created_at": c.moment(c.day(-500, -200))},
    ),
    "an account was created later": (
        "accounts",
        lambda c: {"created_at": c.moment(c.day(-60, 0))},
    ),
    "an account changes industry": ("accounts", lambda c: {"industry": c.rng.choice(INDUSTRIES)}),
    "an account changes owner": ("accounts", lambda c: {"owner": "Cleo", "account_name": "New"}),
    "an account changes parent": ("accounts", lambda c: {"parent_account_id": c.account()}),
    "the newer row of an account is broken": ("accounts", lambda c: {"created_at": "someday"}),
    "a subscription ends": (
        "subscriptions",
        lambda c: {"ended_at": c.moment(c.day(-c.age, 30))},
    ),
    "a subscription goes on": ("subscriptions", lambda c: {"ended_at": ""}),
    "a subscription started another day": (
        "subscriptions",
        lambda c: {"started_at": c.moment(c.day(-600, -1)), "ended_at": ""},
    ),
    "a subscription at another price": (
        "subscriptions",
        lambda c: {"mrr": c.rng.choice(("", "50", "3000", "12000")), "currency": "EUR"},
    ),
    "a subscription of other seats and plan": (
        "subscriptions",
        lambda c: {"seats": c.rng.choice(("", "3", "60")), "plan": c.rng.choice(PLANS)},
    ),
    "a subscription of another account": ("subscriptions", lambda c: {"account_id": c.account()}),
    "a subscription renews another day": (
        "subscriptions",
        lambda c: {"term_ends_at": c.moment(c.day(-30, 200)), "auto_renew": "true"},
    ),
    "a ticket solved": ("support_tickets", lambda c: {"solved_at": c.moment(c.day(-20, 0))}),
    "a ticket reopened": ("support_tickets", lambda c: {"solved_at": "", "reopen_count": "3"}),
    "a ticket rated": (
        "support_tickets",
        lambda c: {"csat_score": c.rng.choice(("1", "5", "2.5"))},
    ),
    "a ticket of another priority": (
        "support_tickets",
        lambda c: {"priority": c.rng.choice(("low", "urgent", ""))},
    ),
    "a ticket of another account": ("support_tickets", lambda c: {"account_id": c.account()}),
    "a ticket opened another day": (
        "support_tickets",
        lambda c: {"opened_at": c.moment(c.day(-c.age - 20, 0)), "solved_at": ""},
    ),
    "a survey answer changes": (
        "survey_responses",
        lambda c: {"score": str(c.rng.randint(1, 5)), "user_id": c.rng.choice(("", "u1"))},
    ),
    "a survey answer of another account and day": (
        "survey_responses",
        lambda c: {"account_id": c.account(), "responded_at": c.moment(c.day(-c.age, 0))},
    ),
    "an assessment changes": (
        "csm_assessments",
        lambda c: {"sentiment": c.rng.choice(("1", "5")), "account_id": c.account()},
    ),
    "an invoice paid": ("invoices", lambda c: {"paid_at": c.moment(c.day(-40, 0))}),
    "an invoice is not paid after all": ("invoices", lambda c: {"paid_at": ""}),
    "an invoice of another amount and kind": (
        "invoices",
        lambda c: {"amount": "77.7", "kind": c.rng.choice(("recurring", "credit")), "currency": ""},
    ),
    "an override ends earlier or later": (
        "score_overrides",
        lambda c: {"expires_at": c.moment(c.day(-10, 60))},
    ),
    "an override of another score": ("score_overrides", lambda c: {"score": "33.3"}),
}


def adding(name: str, make: Callable[[Company], Row]) -> Happening:
    def happening(company: Company) -> str:
        rows = [make(company) for _ in range(company.rng.randint(1, 3))]
        company.load(name, *rows)
        return ", ".join(f"{row[company.keys[name]]} of {row['account_id']}" for row in rows)

    return happening


def correcting(name: str, change: Callable[[Company], Row]) -> Happening:
    def happening(company: Company) -> str | None:
        if not (rows := list(company.rows[name].values())):
            return None
        # Some are corrected several times and put right again.
        chosen = company.rng.sample(rows, min(len(rows), company.rng.randint(1, 2)))
        changed = [{**row, **change(company)} for row in chosen]
        company.load(name, *changed)
        return ", ".join(
            f"{new[company.keys[name]]}: "
            + ", ".join(
                f"{cell} {new[cell] or 'blank'}" for cell in new if old.get(cell) != new[cell]
            )
            for old, new in zip(chosen, changed, strict=True)
        )

    return happening


for title, (input_name, maker) in NEW_ROWS.items():
    OF_OTHERS[title] = adding(input_name, maker)
for title, (input_name, maker) in CORRECTIONS.items():
    OF_OTHERS[title] = correcting(input_name, maker)


@kind("an input replaced by a smaller one", OF_OTHERS)
def smaller_input(company: Company) -> str:
    name = company.rng.choice([name for name in company.feeds if name != "usage_events"])
    rows = company.rows[name]
    for key in [key for key in rows if company.chance(0.15)]:
        del rows[key]
    company.feeds[name].replace(rows.values(), company.stamp() if company.chance(0.7) else None)
    return f"{name}, {len(rows)} rows left"


@kind("an input sent again in whole", OF_OTHERS)
def whole_input_again(company: Company) -> str:
    name = company.rng.choice([name for name in company.feeds if name != "usage_events"])
    company.feeds[name].add(company.rows[name].values(), company.stamp())
    return f"{name}, {len(company.rows[name])} rows"


@kind("an optional input goes or comes", OF_OTHERS)
def optional_input(company: Company) -> str:
    feed = company.feeds[company.rng.choice(OPTIONAL)]
    feed.is_absent = not feed.is_absent
    return f"{feed.name} {'goes' if feed.is_absent else 'comes'}"


# -------------------------------------------------------------------- the scoring seeds


def edit_seed(company: Company, seed: str, edit: Callable[[list[Row]], str | None]) -> str | None:
    """Change the rows of a seed in place; the edit returns what it did."""
    path = company.seeds / f"{seed}.csv"
    rows = read_rows(path)
    columns = list(rows[0])
    done = edit(rows)
    if done:
        write_rows(path, columns, rows)
    return done


def of_one_scorecard(company: Company, rows: list[Row]) -> list[Row]:
    """The rows of one scorecard and segment that has two at least."""
    pairs = sorted({(row["scorecard"], row["segment"]) for row in rows})
    company.rng.shuffle(pairs)
    for pair in pairs:
        found = [row for row in rows if (row["scorecard"], row["segment"]) == pair]
        if len(found) > 1:
            return found
    raise AssertionError("every scorecard has one metric only")


def place(row: Row) -> str:
    return f"{row['scorecard']} {row['segment']} {row['metric']}"


@kind("seeds: a weight moves", OF_SEEDS)
def weight_moves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        first, second = company.rng.sample(of_one_scorecard(company, rows), 2)
        moved = (Decimal(first["weight"]) / 2).quantize(Decimal("0.000001"))
        first["weight"] = f"{Decimal(first['weight']) - moved:f}"
        second["weight"] = f"{Decimal(second['weight']) + moved:f}"
        return f"{moved} from {place(first)} to {second['metric']}"

    return edit_seed(company, "scorecard_metrics", edit)


@kind("seeds: a metric leaves a scorecard", OF_SEEDS)
def metric_leaves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        first, second = company.rng.sample(of_one_scorecard(company, rows), 2)
        second["weight"] = f"{Decimal(first['weight']) + Decimal(second['weight']):f}"
        rows.remove(first)
        return f"{place(first)}, its weight to {second['metric']}"

    return edit_seed(company, "scorecard_metrics", edit)


@kind("seeds: a threshold moves", OF_SEEDS)
def threshold_moves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        poor, healthy = Decimal(row["poor_at"]), Decimal(row["healthy_at"])
        step = ((healthy - poor) * Decimal("0.2")).quantize(Decimal("0.000001"))
        row["poor_at"] = f"{poor + step:f}"
        return f"{place(row)}: poor_at {poor} to {row['poor_at']}"

    return edit_seed(company, "scorecard_metrics", edit)


@kind("seeds: a row becomes a percentile", OF_SEEDS)
def becomes_percentile(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice([row for row in rows if row["curve"] != "percentile"])
        row |= {"curve": "percentile", "poor_at": "10", "healthy_at": "75"}
        return place(row)

    return edit_seed(company, "scorecard_metrics", edit)


@kind("seeds: another score_if_missing", OF_SEEDS)
def missing_score(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        row["score_if_missing"] = "" if row["score_if_missing"] else "33.3"
        return f"{place(row)}: {row['score_if_missing'] or 'blank'}"

    return edit_seed(company, "scorecard_metrics", edit)


@kind("seeds: a challenger goes live", OF_SEEDS)
def challenger_lives(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str | None:
        challengers = [row for row in rows if row["status"] == "challenger"]
        if not challengers:
            return None
        new = company.rng.choice(challengers)
        for row in rows:
            if row["goal"] == new["goal"] and row["status"] == "live":
                row["status"] = company.rng.choice(("challenger", "retired"))
        new["status"] = "live"
        return ", ".join(f"{row['scorecard']} {row['status']}" for row in rows)

    return edit_seed(company, "scorecards", edit)


@kind("seeds: a scorecard retires or challenges", OF_SEEDS)
def challenger_comes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str | None:
        others = [row for row in rows if row["status"] != "live"]
        if not others:
            return None
        row = company.rng.choice(others)
        row["status"] = "retired" if row["status"] == "challenger" else "challenger"
        return f"{row['scorecard']} {row['status']}"

    return edit_seed(company, "scorecards", edit)


@kind("seeds: another min_coverage", OF_SEEDS)
def coverage_moves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        row["min_coverage"] = company.rng.choice(("0", "0.3", "0.75", "0.9"))
        return f"{row['scorecard']}: {row['min_coverage']}"

    return edit_seed(company, "scorecards", edit)


@kind("seeds: a cap changes", OF_SEEDS)
def cap_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        if company.chance(0.3) and len(rows) > 1:
            rows.remove(row)
            return f"{row['cap']} removed"
        if company.chance(0.5):
            row["max_score"] = company.rng.choice(("20", "45.5", "65"))
        else:
            row["segment"] = "*" if row["segment"] != "*" else "small_business"
        return f"{row['cap']}: {row['segment']}, at most {row['max_score']}"

    return edit_seed(company, "score_caps", edit)


@kind("seeds: a segment limit moves", OF_SEEDS)
def segment_moves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows[:-1])
        limits = [name for name in row if name.startswith(("min_", "max_")) and row[name]]
        if not limits:
            row["industry" if row["industry"] else "plan"] = company.rng.choice(
                ("Software", "Retail", "team")
            )
            return f"{row['segment']} {row['priority']}: {row['industry']} {row['plan']}"
        name = company.rng.choice(limits)
        row[name] = str(int(Decimal(row[name]) * company.rng.choice((1, 3)) / 2))
        return f"{row['segment']} {row['priority']}: {name} {row[name]}"

    return edit_seed(company, "segments", edit)


@kind("seeds: a grade bound moves", OF_SEEDS)
def grade_moves(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice([row for row in rows if row["min_score"] not in ("", "0")])
        row["min_score"] = f"{Decimal(row['min_score']) + company.rng.choice((-2, 2)):f}"
        return f"{row['grade']}: {row['min_score']}"

    return edit_seed(company, "grades", edit)


@kind("seeds: a label is reworded", OF_SEEDS)
def label_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        row["label"] = f"{row['label']} again"
        return f"{row['grade']}: {row['label']}"

    return edit_seed(company, "grades", edit)


@kind("seeds: a feature changes meaning", OF_SEEDS)
def feature_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        if company.chance(0.25) and len(rows) > 3:
            rows.remove(row)
            return f"{row['feature']} removed"
        flag = company.rng.choice(("is_core", "is_setup", "is_compliance"))
        row[flag] = "false" if row[flag] == "true" else "true"
        return f"{row['feature']}: {flag} {row[flag]}"

    return edit_seed(company, "features", edit)


@kind("seeds: a feature is listed", OF_SEEDS)
def feature_listed(company: Company) -> str | None:
    if any(row["feature"] == "unlisted" for row in read_rows(company.seeds / "features.csv")):
        return None
    row = {"feature": "unlisted", "label": "Unlisted", "is_core": "true", "is_setup": "true"}
    append_rows(company.seeds / "features.csv", [row | {"is_compliance": "false"}])
    return "unlisted"


@kind("seeds: a currency rate changes", OF_SEEDS)
def rate_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows[1:])
        if company.chance(0.2) and len(rows) > 2:
            rows.remove(row)
            return f"{row['currency']} removed"
        row["rate"] = company.rng.choice(("0.9", "1.333333", "2"))
        return f"{row['currency']}: {row['rate']}"

    return edit_seed(company, "currencies", edit)


@kind("seeds: an alert rule changes", OF_SEEDS)
def alert_rule_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice([row for row in rows if row["kind"] != "storm"])
        if company.chance(0.2):
            rows.remove(row)
            return f"{row['rule']} removed"
        if row["kind"] == "coverage_lost":
            row["level"] = company.rng.choice(("0.5", "0.9"))
        else:
            row["level"] = company.rng.choice(("5", "50", "85.5"))
        row["window_days"] = company.rng.choice(("7", "28", "91"))
        return f"{row['rule']}: {row['level']} within {row['window_days']} days"

    return edit_seed(company, "alert_rules", edit)


@kind("seeds: a playbook changes", OF_SEEDS)
def playbook_changes(company: Company) -> str | None:
    def edit(rows: list[Row]) -> str:
        row = company.rng.choice(rows)
        if company.chance(0.2):
            rows.remove(row)
            return f"{row['playbook']} removed"
        row["due_days"] = company.rng.choice(("1", "45"))
        if row["trigger_on"] == "component":
            row["threshold"] = company.rng.choice(("25", "75"))
        return f"{row['playbook']}: due in {row['due_days']} days, threshold {row['threshold']}"

    return edit_seed(company, "playbooks", edit)


KINDS = ADVANCING | OF_USAGE | OF_OTHERS | OF_SEEDS


def happens(
    company: Company, kinds: dict[str, Happening], without: Iterable[str] = ()
) -> tuple[str, str]:
    """Let one of the kinds happen; returns its name and what happened."""
    names = [name for name in kinds if name not in without]
    while True:
        name = company.rng.choice(names)
        done = kinds[name](company)
        if done is not None:
            return name, done
