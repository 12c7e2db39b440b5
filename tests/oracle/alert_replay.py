"""The alerts once more, in plain Python, from docs/alerts.md: date by date, account by account.

Shares no SQL with the models. `Memory.run` is one run of the project: it takes the kept scores of
the run and evaluates every date that each rule has not seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True)
class Score:
    """What is known of an account on a score date."""

    segment: str
    health: Decimal | None
    coverage: Decimal
    renewal: date | None
    mrr: Decimal | None


@dataclass(frozen=True)
class Rule:
    """A row of alert_rules.csv."""

    rule: str
    kind: str
    level: Decimal
    window_days: int
    segment: str
    severity: str
    cooldown_days: int
    reopen_margin: Decimal
    description: str

    @property
    def good_news(self) -> bool:
        return self.kind == "recovers_above"


@dataclass
class Episode:
    """An alert of an account, shown or held back, or a storm (without account)."""

    account: str | None
    rule: str
    severity: str
    level: Decimal
    segment: str | None
    opened_on: date
    last_seen_on: date
    closed_on: date | None
    score_at_opening: Decimal | None
    value_at_opening: Decimal
    worst_value: Decimal
    arr: Decimal | None
    drivers: tuple[str | None, ...] = (None, None, None)
    storm: "Episode | None" = None
    kind: str = ""
    held_back: list["Episode"] = field(default_factory=list)

    @property
    def accounts(self) -> int:
        return len({e.account for e in self.held_back}) if self.account is None else 1


Kept = Mapping[date, Mapping[str, Score]]
Changes = Mapping[tuple[str, date, int], Sequence[tuple[str, Decimal]]]


def signal(rule: Rule, kept: Kept, day: date, account: str) -> tuple[bool, bool, Decimal | None]:
    """Whether the rule triggers, whether it recovers, and what it compares with its level."""
    now = kept[day][account]

    def known(of: date) -> Decimal | None:
        score = kept[of].get(account)
        if score is None:
            return None
        return score.coverage if rule.kind == "coverage_lost" else score.health

    def dates(first: date, last: date) -> list[date]:
        return sorted(d for d in kept if first <= d <= last)

    back, one = timedelta(rule.window_days), timedelta(1)
    value = known(day)
    before = [known(d) for d in dates(day - back, day - one)]
    before = [v for v in before if v is not None]
    level, margin = rule.level, rule.reopen_margin
    if rule.kind in ("crosses_below", "coverage_lost"):
        if value is None:
            return False, False, None
        crossed = value < level and any(v >= level for v in before)
        return crossed, value >= level + margin, value
    if rule.kind == "recovers_above":
        if value is None:
            return False, False, None
        crossed = value >= level and any(v < level for v in before)
        return crossed, value < level - margin, value
    if rule.kind == "stays_below":
        if value is None:
            return False, False, None
        early = dates(day - back, min(day, day - back + timedelta(6)))
        spans = any(known(d) is not None for d in early)
        low = all(v < level for v in [*before, value])
        return low and spans, value >= level + margin, value
    if rule.kind == "drops_by":
        earlier = dates(day - back - timedelta(6), day - back)
        then = known(earlier[-1]) if earlier else None
        if value is None:
            return False, False, None
        if then is None:
            return False, True, None
        return then - value >= level, then - value < level - margin, then - value
    assert rule.kind == "renewal_at_risk"
    near = now.renewal is not None and day <= now.renewal <= day + back
    low = value is not None and value < level
    well = value is not None and value >= level + margin
    return near and low, well or not near, value


def main_drivers(rule: Rule, account: str, day: date, changes: Changes) -> tuple[str | None, ...]:
    """The three metrics or other causes that moved most in the direction of the alert."""
    days_back = 7 if rule.window_days < 28 else 28 if rule.window_days < 90 else 90
    moved: dict[str, Decimal] = {}
    for name, points in changes.get((account, day, days_back), ()):
        moved[name] = moved.get(name, Decimal(0)) + (points if rule.good_news else -points)
    ranked = sorted((m for m in moved if moved[m] > 0), key=lambda m: (-moved[m], m))
    return tuple([*ranked[:3], None, None, None][:3])


@dataclass
class Memory:
    """What is remembered from run to run."""

    seen: dict[str, date] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)

    def last(self, account: str | None, rule: str) -> Episode | None:
        mine = [e for e in self.episodes if (e.account, e.rule) == (account, rule)]
        return max(mine, key=lambda e: e.opened_on, default=None)

    def run(self, kept: Kept, rules: Sequence[Rule], changes: Changes) -> None:
        """Evaluate what is new, one date after the other."""
        storm_rule = next((rule for rule in rules if rule.kind == "storm"), None)
        watching = [rule for rule in rules if rule.kind != "storm"]
        new = {
            rule.rule: {d for d in kept if kept[d] and d > self.seen.get(rule.rule, date.min)}
            for rule in watching
        }
        for day in sorted(set().union(*new.values())):
            due = [rule for rule in watching if day in new[rule.rule]]
            self.evaluate(day, due, storm_rule, kept, changes)
        for rule in watching:
            if new[rule.rule]:
                self.seen[rule.rule] = max(new[rule.rule])
        names = {rule.rule for rule in rules}
        for episode in self.episodes:
            if episode.closed_on is None and episode.rule not in names:
                episode.closed_on = max(*kept, episode.last_seen_on)

    def evaluate(
        self, day: date, rules: list[Rule], storm_rule: Rule | None, kept: Kept, changes: Changes
    ) -> None:
        """One date: close, go on, open."""
        starts: list[tuple[Rule, str, Decimal]] = []
        for rule in rules:
            here = {
                account: signal(rule, kept, day, account)
                for account, score in kept[day].items()
                if rule.segment in ("*", score.segment)
            }
            open_ones = {
                e.account: e
                for e in self.episodes
                if e.rule == rule.rule and e.closed_on is None and e.account is not None
            }
            for account, episode in open_ones.items():
                _, recovered, value = here.get(account, (False, True, None))
                if recovered:
                    episode.closed_on = day
                else:
                    self.go_on(episode, day, value, kept)
            for account, (triggered, _, value) in here.items():
                if triggered and account not in open_ones:
                    assert value is not None
                    starts.append((rule, account, value))
        storm, stormy = self.storm(day, starts, storm_rule, kept)
        for rule, account, value in starts:
            last = self.last(account, rule.rule)
            told = last is not None and last.storm is None and last.closed_on is not None
            if told and (day - last.closed_on).days < rule.cooldown_days:
                last.closed_on = None
                self.go_on(last, day, value, kept)
                continue
            score = kept[day][account]
            episode = Episode(
                account, rule.rule, rule.severity, rule.level, score.segment, day, day, None,
                score.health, value, value, None if score.mrr is None else 12 * score.mrr,
                main_drivers(rule, account, day, changes), kind=rule.kind,
            )  # fmt: skip
            if rule.good_news in stormy:
                episode.storm = storm
                storm.held_back.append(episode)
            self.episodes.append(episode)

    def go_on(self, episode: Episode, day: date, value: Decimal | None, kept: Kept) -> None:
        mrr = kept[day][episode.account].mrr
        episode.last_seen_on = day
        episode.arr = None if mrr is None else 12 * mrr
        if value is not None:
            worse = max if episode.kind in ("drops_by", "recovers_above") else min
            episode.worst_value = worse(episode.worst_value, value)

    def storm(
        self, day: date, starts: list[tuple[Rule, str, Decimal]], rule: Rule | None, kept: Kept
    ) -> tuple[Episode | None, set[bool]]:
        """The storm of the date, if there is one, and of which news: bad, good or both."""
        if rule is None:
            return None, set()
        storm = self.last(None, rule.rule)
        if storm and storm.closed_on is None and (day - storm.last_seen_on).days > rule.window_days:
            storm.closed_on = day
        scored, stormy, largest = len(kept[day]), set(), Decimal(0)
        for news in (False, True):
            accounts = {account for r, account, _ in starts if r.good_news == news}
            if len(accounts) > 1 and len(accounts) > rule.level * scored:
                stormy.add(news)
                share = (Decimal(len(accounts)) / scored).quantize(MILLIONTH, ROUND_HALF_UP)
                largest = max(largest, share)
        if not stormy:
            return None, set()
        if storm is None or storm.closed_on is not None:
            storm = Episode(
                None, rule.rule, rule.severity, rule.level, None, day, day, None, None, largest,
                largest, None, kind=rule.kind,
            )  # fmt: skip
            self.episodes.append(storm)
        storm.last_seen_on = day
        storm.worst_value = max(storm.worst_value, largest)
        return storm, stormy


def as_rows(memory: Memory) -> list[tuple[Any, ...]]:
    """All that is remembered of episodes, as alert_episodes has it."""
    rows = []
    for e in memory.episodes:
        arr = e.arr
        if e.account is None:
            largest: dict[str | None, Decimal] = {}
            for held in e.held_back:
                if held.arr is not None:
                    largest[held.account] = max(held.arr, largest.get(held.account, held.arr))
            arr = sum(largest.values()) if largest else None
        rows.append(
            (
                e.account, e.rule, e.kind, e.severity, e.level, e.segment, e.opened_on,
                e.last_seen_on, e.closed_on, e.score_at_opening, e.value_at_opening, e.worst_value,
                arr, e.accounts, *e.drivers, e.storm.opened_on if e.storm else None,
            )
        )  # fmt: skip
    return in_order(rows)


def in_order(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """By account, rule and date of opening."""
    return sorted(rows, key=lambda row: (row[0] or "", row[1], row[6]))


# The same columns of the table, in the same order.
ROWS = """
select
    episodes.account_id, episodes.rule, episodes.kind, episodes.severity, episodes.level,
    episodes.segment, episodes.opened_on, episodes.last_seen_on, episodes.closed_on,
    episodes.score_at_opening, episodes.value_at_opening, episodes.worst_value, episodes.arr,
    episodes.accounts, episodes.driver_1, episodes.driver_2, episodes.driver_3,
    storms.opened_on as storm_opened_on
from scoring.alert_episodes as episodes
left join scoring.alert_episodes as storms
    on episodes.storm_id = storms.alert_id
where episodes.record = 'episode'
"""
