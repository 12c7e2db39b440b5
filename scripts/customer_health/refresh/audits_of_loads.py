"""Audits of what came: every new load of an input against the loads before it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import duckdb

from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import listed
from customer_health.refresh.findings import (
    Finding,
    Ground,
    Limits,
    both_ways,
    judge,
    percent,
    ratio,
)
from customer_health.refresh.pieces import (
    UNIT_ROWS,
    Piece,
    chance_of_more,
    pieces,
    seen_together,
)
from customer_health.refresh.profiles import Load, Share

# A share is only judged to differ where chance does not do that once in 100,000 times.
CHANCE = 1e-5
# A cell that is filled when something happens is compared with other nights, never with history.
NIGHTS_OF_CELLS = 5
# So many loads of about the same size in a row are whole exports: a week of them, as the weekdays
# of an input that sends what is new are alike too.
LOADS_OF_EXPORT = 8
FILLED_LATER = ("reopen_count", "csat_score")
SHARES = {
    "rejected": ("rejected_share", "rejected"),
    "unmatched": ("unmatched_share", "of no known account"),
    "blanked": ("blanked_share", "cells that cannot be read"),
    "filled": ("fill_rate", "cells filled"),
    "lost": ("lost_cells", "cells, filled when the record was sent before, are empty"),
    "repeated": ("repeated_rows", "equal to an earlier record but for the key"),
    "conflicts": ("conflicts", "of a key that is in several accounts"),
}


def by_share(shares: list[Share]) -> dict[tuple[str, str, str], list[Share]]:
    """{(input, measure, column): its shares, the oldest load first}."""
    found: dict[tuple[str, str, str], list[Share]] = {}
    for share in sorted(shares, key=lambda one: one.loaded_at or datetime.min):
        found.setdefault((share.input, share.measure, share.column), []).append(share)
    return found


class LoadAudits(Ground):
    """`before` and `new` are the shares of the loads, `files` the files that they came in."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        limits: Limits,
        run_date: date,
        before: list[Share],
        new: list[Share],
        files: dict[tuple[str, datetime | None], str],
    ) -> None:
        super().__init__(connection, limits, run_date)
        self.before, self.new, self.files = before, new, files

    def shares(self) -> list[Finding]:
        """Every share of every new load against the same share of the loads before; what came
        before the first publication is judged as a whole."""
        found: list[Finding] = []
        before, new = by_share(self.before), by_share(self.new)
        for (name, measure, column), loads in sorted(new.items()):
            if measure not in SHARES:
                continue
            past = before.get((name, measure, column), [])
            if not past and loads[0].loaded_at:
                whole = sum(share.whole for share in loads)
                part = sum(share.part for share in loads)
                loads = [Share(name, None, measure, column, part, whole)]
            series = [*past, *loads]
            for number in range(len(past), len(series)):
                found += self.judge_share(series, number, measure, column)
        return found

    def judge_share(
        self, loads: list[Share], number: int, measure: str, column: str
    ) -> Iterator[Finding]:
        audit, words = SHARES[measure]
        share = loads[number]
        alone = Piece(share.part, share.whole)
        together, start = seen_together(loads, number)
        for piece, end in dict.fromkeys([(alone, number), (together, start)]):
            past = pieces(loads[:end])
            if number and not past:
                # All that there was is seen together with the load: nothing is left to compare.
                continue
            if measure == "repeated" and not past:
                # Of some inputs many records are alike by nature: only their own past tells.
                continue
            if measure == "lost":
                # What a few records lost says nothing of what is usual.
                past = [one for one in past if one.whole >= UNIT_ROWS]
            is_late = measure == "filled" and is_filled_later(share.input, column)
            if measure == "filled" and len(past) < (NIGHTS_OF_CELLS if is_late else 1):
                continue
            for one, usual, way in self.directions(piece, past, measure):
                yield from self.speak(audit, share, column, one, usual, words, way)

    @staticmethod
    def directions(
        piece: Piece, past: list[Piece], measure: str
    ) -> list[tuple[Piece, Piece | None, str]]:
        """(rows, the most of the past, word) for each way that is looked at."""
        most = max(past, key=lambda one: (one.share, one.whole), default=None)
        found = [(piece, most, "at most")]
        if measure == "filled":
            gone = [one.missing for one in past]
            least = max(gone, key=lambda one: (one.share, one.whole), default=None)
            found.append((piece.missing, least, "at least"))
        return found

    def speak(
        self,
        audit: str,
        share: Share,
        column: str,
        piece: Piece,
        usual: Piece | None,
        words: str,
        way: str,
    ) -> Iterator[Finding]:
        """Whether so many rows are too many: more than usual by the level, and not by chance."""
        more = piece.share - (usual.share if usual else 0)
        # Without a past, what is allowed anyway is the usual.
        level = self.limits.level(audit, share.input) or Decimal(0)
        likely = usual.estimate() if usual else float(level)
        by_chance = chance_of_more(piece.part, piece.whole, likely) > CHANCE
        told = piece if way == "at most" else piece.missing
        told_usual = None if usual is None else usual if way == "at most" else usual.missing
        name = f"{share.input}.{column}" if column else share.input
        text = (
            f"{name}: {told.part:,} of {told.whole:,} new rows {words}, {percent(told.share)}"
            if not column
            else f"{name}: {told.part:,} {words} in {told.whole:,} new rows, {percent(told.share)}"
        )
        if told_usual is not None:
            text += f" (usual {way} {percent(told_usual.share)})"
        if file := self.files.get((share.input, share.loaded_at)):
            text += f", in {listed([file])}"
        for finding in judge(
            self.limits,
            audit,
            share.input,
            max(more, Decimal(0)),
            piece.whole,
            text,
            column=column,
            is_good=by_chance or None,
            file=file or "",
            loaded_at=share.loaded_at,
        ):
            # Of the first rows of an input nobody knows whether they ever could be read.
            is_first = usual is None and audit == "blanked_share"
            yield replace(finding, verdict="warn") if is_first else finding

    def level_shift(self, new: dict[str, list[Load]]) -> list[Finding]:
        """Amounts of new rows against the newest amount of the same account before."""
        found: list[Finding] = []
        for name, column, kind, moment in (
            ("subscriptions", "mrr", "''", "started_at"),
            ("subscriptions", "seats", "''", "started_at"),
            ("invoices", "amount", "kind", "issued_on"),
        ):
            if not new.get(name):
                continue
            first = min(load.loaded_at for load in new[name])
            rows = self.rows(
                f"""
                with kept as (

                    select account_id, lower({kind}) as kind, cast({column} as double) as value,
                        {moment}, loaded_at
                    from working.staging.stg_{name}
                    where rejection_reason is null and {column} > 0

                ),

                earlier as (

                    -- A first export holds years of them, all loaded at once.
                    select account_id, kind, arg_max(value, (loaded_at, {moment}, value)) as value
                    from kept where loaded_at < ? group by account_id, kind

                )

                select kept.loaded_at, count(*), median(kept.value / earlier.value)
                from kept inner join earlier using (account_id, kind)
                where kept.loaded_at >= ? group by kept.loaded_at
                """,
                first,
                first,
            )
            for loaded_at, count, middle in rows:
                text = f"{name}.{column}: the median of {count:,} new rows is {middle:,.3g} times"
                text += " what the same accounts had before"
                file = self.files.get((name, loaded_at), "")
                text += f", in {listed([file])}" * bool(file)
                found += judge(
                    self.limits, "level_shift", name, both_ways(middle), count, text,
                    column=column, file=file, loaded_at=loaded_at,
                )  # fmt: skip
        return found

    def small_files(self) -> list[Finding]:
        """A whole export of which a part came only. Usage is judged day by day instead."""
        found: list[Finding] = []
        for name in {share.input for share in self.new} - {"usage_events"}:
            before = [
                s.whole for s in self.before if (s.input, s.measure) == (name, "rejected")
            ][-LOADS_OF_EXPORT:]  # fmt: skip
            if len(before) < LOADS_OF_EXPORT or min(before) * 5 < max(before) * 4:
                continue
            for share in self.new:
                if (share.input, share.measure) == (name, "rejected") and share.loaded_at:
                    text = f"{name}: {share.whole:,} rows came, {min(before):,} or more each time"
                    file = self.files.get((name, share.loaded_at), "")
                    text += f" before, in {listed([file])}"
                    found += judge(
                        self.limits, "volume_low", name, ratio(share.whole, min(before)),
                        min(before), text, file=file, loaded_at=share.loaded_at, is_low=True,
                    )  # fmt: skip
        return found

    def foreign_scale(self) -> list[Finding]:
        """Answers to NPS that are all within 1 to 5, as those of another scale are."""
        new = {(s.input, s.loaded_at) for s in self.new}
        moments = [moment for name, moment in new if name == "survey_responses" and moment]
        if not moments:
            return []
        ((count, low, high, before),) = self.rows(
            """
            with answers as (

                select score, loaded_at, row_number() over (order by loaded_at desc, responded_at
                    desc, response_id) as number
                from working.staging.stg_survey_responses
                where record_status = 'accepted' and lower(survey_type) = 'nps'

            )

            select count(*) filter (number <= 30), min(score) filter (number <= 30),
                max(score) filter (number <= 30), max(score) filter (number > 30)
            from answers
            """
        )
        if count < 30 or before is None:
            return []
        is_foreign = low >= 1 and high <= 5 < before
        text = f"survey_responses: the newest {count} NPS answers are from {low:f} to {high:f}"
        found = judge(
            self.limits, "foreign_scale", "survey_responses", Decimal(int(is_foreign)), count, text
        )
        return list(found)


def is_filled_later(name: str, column: str) -> bool:
    """Whether a cell is filled when something happens, after the record was first sent."""
    contract = next(one for one in raw_files.read_contract() if one.name == name)
    kind = next((one.type for one in contract.columns if one.name == column), "")
    return kind == "timestamp" or column in FILLED_LATER
