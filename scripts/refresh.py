"""Refresh the published scores: land, build, audit, publish; or keep the former, and say why."""

import argparse
import errno
import json
import os
import re
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from traceback import extract_tb
from typing import Any

import duckdb
import raw_files
import yaml
from arguments import a_day, at_least_one
from last_build import run_command
from nightly import auditing, building, landing, locking, privacy, publishing, remembering
from nightly.places import (
    BUSY,
    CHECKS_FAILED,
    CONFIGURATION,
    INTERRUPTED,
    PUBLISHED,
    ROOT,
    UMASK,
    Places,
    Stop,
    find_places,
)
from raw_files import listed
from validate import validate

EPILOG = """examples:
  python scripts/refresh.py
  python scripts/refresh.py --dry-run
  python scripts/refresh.py --as-of 2026-09-30 --json | jq .run_id
  python scripts/refresh.py --accept "Usage halved on purpose: the free plan ended on 1 May"

Folders: HEALTH_INBOX_DIR (new files, one folder per input), HEALTH_RAW_DIR, HEALTH_WAREHOUSE (the
working file), HEALTH_PUBLISH_DIR. HEALTH_PSEUDONYM_KEY makes pseudonyms of user ids while landing.
Exit codes: 0 published, 1 checks failed and the former mart stays, 2 configuration or usage, 75
another run or reader is in the way, 130 interrupted. What to do about each: docs/operations.md
"""
KEPT_VERSIONS, KEPT_RUNS = 7, 60
LEAST_FREE_BYTES = 200_000_000
MEMORY = re.compile(r"\d+(\.\d+)? ?[KMGT]i?B", re.IGNORECASE)


def driver_weeks() -> int:
    """Of how many weeks of Sundays drivers are published: a var of the project."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"]["published_driver_weeks"])


class Teller:
    """Tells how far the run is: on a terminal in one line that changes, elsewhere line by line."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.is_open = False

    def line(self, step: str, text: str) -> None:
        self.close()
        lines = text.splitlines() or [""]
        print(f"{datetime.now(UTC):%H:%M:%S}  {step:<8} {lines[0]}", file=sys.stderr)
        for more in lines[1:]:
            print(f"{'':>19}{more}", file=sys.stderr)

    def progress(self, step: str, text: str) -> None:
        if self.is_terminal:
            print(f"\r{'':>10}{step:<8} {text}   ", end="", file=sys.stderr, flush=True)
            self.is_open = True

    def close(self) -> None:
        if self.is_open:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
            self.is_open = False


class Refresh:
    """One run. `report` is what is recorded of it, and what --json prints."""

    def __init__(self, options: argparse.Namespace, places: Places, teller: Teller) -> None:
        self.options, self.places, self.teller = options, places, teller
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.run_date: date = options.run_date or self.now.date()
        self.key = privacy.read_key()
        self.run_id = f"{self.next_number():06d}-{self.now:%Y%m%dT%H%M%SZ}"
        self.folder = places.runs / self.run_id
        self.former: Path | None = None
        self.report: dict[str, Any] = {
            "run_id": self.run_id,
            "exit_code": None,
            "run_date": str(self.run_date),
            "message": "",
            "next_step": "",
            "is_changed": None,
            "published": "",
            "landed": [],
            "warnings": [],
            "notes": [],
            "audits": [],
            "accepted": options.accept or "",
        }

    def next_number(self) -> int:
        """One more than that of any run that left a trace."""
        p = self.places
        names = [
            entry.name.lstrip(".").split("-")[0]
            for folder in (p.runs, p.versions, p.log / "status")
            if folder.is_dir()
            for entry in folder.iterdir()
        ]
        return max((int(name) for name in names if name.isdigit()), default=0) + 1

    def tell(self, step: str, text: str) -> None:
        self.teller.line(step, text)

    def warn(self, step: str, text: str) -> None:
        self.report["warnings"].append(text)
        self.tell(step, f"warning: {text}")

    def note(self, step: str, text: str) -> None:
        self.report["notes"].append(text)
        self.tell(step, text)

    # ------------------------------------------------------------------------------ the steps

    def find_former(self) -> None:
        """The published version that this run is held against."""
        found = publishing.former(self.places)
        self.former = found.folder
        for text in found.damages:
            name = found.folder.name if found.folder else ""
            then = f"compared with run {name}" if name else "there is nothing to compare with"
            self.warn("check", f"{text}; {then}")

    def preflight(self) -> None:
        """Configuration and free disk; nothing is written yet."""
        rows, faults = validate(ROOT / "seeds" / "scoring")
        if faults:
            first = faults[0]
            row = f", row {first.row}" if first.row else ""
            column = f", {first.column}" if first.column else ""
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise Stop(
                CONFIGURATION,
                f"A fault in seeds/scoring: {first.file}{row}{column}: {first.fault}{more}.",
                f"Mend it: {first.hint}. python scripts/validate.py lists all faults.",
            )
        limit = os.environ.get("HEALTH_MEMORY_LIMIT", "").strip()
        if limit and not MEMORY.fullmatch(limit):
            raise Stop(
                CONFIGURATION,
                f"HEALTH_MEMORY_LIMIT is {limit!r}, which is no amount of memory.",
                "Write it as 6GB or 800MB, or leave it out.",
            )
        if self.places.is_sample():
            self.warn(
                "check",
                "the raw folder is the sample's: what is published is invented"
                " (HEALTH_RAW_DIR names yours)",
            )
        self.check_disk()
        self.tell("check", f"{len(rows)} seed files, nothing wrong")

    def check_disk(self) -> None:
        """Stop(1) where the disk of a folder has no room for another build."""
        size = sum(
            path.stat().st_size
            for path in (self.places.warehouse, self.places.serving)
            if path.exists()
        )
        inbox = sum(path.stat().st_size for _, path in landing.arrivals(self.places))
        for folder in (self.places.raw, self.places.warehouse.parent, self.places.publish):
            existing = next(p for p in (folder, *folder.parents) if p.exists())
            free, needed = shutil.disk_usage(existing).free, LEAST_FREE_BYTES + size + inbox
            if free < needed and not self.options.ignore_disk:
                raise Stop(
                    CHECKS_FAILED,
                    f"{folder} has {free / 1e6:,.0f} MB free, a run needs about"
                    f" {needed / 1e6:,.0f} MB.",
                    "Free some space, and run again; nothing was touched.",
                )

    def land(self) -> None:
        """Land what is new in the inbox."""
        landing.clear_unfinished(self.places.raw)
        for text in landing.strays(self.places):
            self.warn("land", f"inbox: {text}")
        if waiting := landing.set_aside_files(self.places):
            self.warn("land", f"set aside before, and not mended: {listed(waiting)}")
        found = landing.land(self.places, self.key, self.now, self.options.dry_run)
        self.report["landed"] = [asdict(one) for one in found]
        for one in found:
            name = f"{one.input}/{listed([one.file])}"
            if one.state == "set aside":
                self.warn("land", f"{name} was set aside: {one.reason}")
            elif one.state == "to set aside":
                self.warn("land", f"{name} would be set aside: {one.reason}")
            elif one.state == landing.CHANGING:
                self.warn("land", f"{name} is still being written; it is landed by the next run")
            elif one.state == "landed":
                more = (
                    f", {one.erased:,} of erased accounts or users left out" if one.erased else ""
                )
                self.tell("land", f"{name}: {one.rows:,} rows{more}")
                if one.new_columns:
                    self.note("land", f"{name}: new columns, kept: {listed(one.new_columns)}")
                if one.lacking_columns:
                    self.warn("land", f"{name}: no longer there: {listed(one.lacking_columns)}")
        seen = [one for one in found if one.state == "seen before"]
        if seen:
            names = listed(f"{one.input}/{one.file}" for one in seen)
            self.note("land", f"landed before, left as they are: {names}")
        if not found:
            self.tell("land", f"nothing in {self.places.inbox}")

    def check_inputs(self) -> None:
        """Stop(2) where an input that is needed is not there or lacks a column, all at once."""
        problems = []
        for contract in raw_files.read_contract():
            seen = raw_files.look(self.places.raw, contract, rows=False)
            found = [seen.folder_problem] if seen.folder_problem else seen.problems
            problems += [f"- {contract.name}: {problem}" for problem in found]
            if contract.presence == "required" and not seen.files and not found:
                problems.append(f"- {contract.name}: required, but absent from {seen.folder}")
        if problems:
            raise Stop(
                CONFIGURATION,
                "The raw inputs cannot be used:\n" + "\n".join(problems),
                f"Put files into {self.places.inbox}/<input>, or name the raw folder with"
                " HEALTH_RAW_DIR. scripts/check_input.py looks closer at a folder.",
            )

    def build(self, lock: int) -> building.Build:
        """Build the working file; anew where it is damaged."""
        variables = {"run_date": str(self.run_date), "as_of_date": str(self.options.as_of or "")}
        for attempt in (1, 2):
            try:
                if remembering.restore(self.places, self.former):
                    self.note("build", "alerts remember the published state, not a later run")
                return building.build(
                    self.places,
                    variables,
                    self.options.full_refresh,
                    self.folder,
                    lock,
                    lambda text: self.teller.progress("build", text),
                )
            except (duckdb.Error, building.CorruptError) as error:
                if not building.is_corrupt(str(error), self.places):
                    raise
                if attempt == 2:
                    raise Stop(
                        CHECKS_FAILED,
                        f"{self.places.warehouse} is damaged, also after it was built anew.",
                        f"Look at the disk. dbt's own words are in {self.folder / 'dbt.txt'}.",
                    ) from None
                self.set_working_file_aside()
        raise AssertionError("not reached")

    def set_working_file_aside(self) -> None:
        """Move a damaged working file out of the way: all of it follows from raw files, seeds and
        the published state."""
        path = self.places.warehouse
        goal = path.with_name(f"{path.name}.damaged-{self.run_id}")
        path.replace(goal)
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}.wal").unlink()
        self.warn("build", f"{path} was damaged and is built anew; the damaged one is {goal.name}")

    def audit(self) -> None:
        """Hold the state against the published one and trust.csv; Stop(1) where it may not be
        published."""
        audit = auditing.Audit(self.places, self.run_date, self.former)
        try:
            findings = audit.run()
        finally:
            audit.close()
        self.report["audits"] = [asdict(finding) for finding in findings]
        stopping = [finding for finding in findings if finding.is_stopping]
        lasting = [finding for finding in stopping if finding.limit is None]
        for finding in findings:
            if not finding.is_good and not finding.is_stopping:
                self.warn("audit", f"{finding.audit}: {finding.text}")
        if stopping and (lasting or not self.options.accept):
            lines = [
                f"- {f.audit}: {f.text}"
                + (f" (limit {f.limit.normalize():f})" if f.limit is not None else "")
                for f in stopping
            ]
            steps = dict.fromkeys(auditing.NEXT_STEPS[finding.audit] for finding in stopping)
            raise Stop(
                CHECKS_FAILED,
                "The state was built and is not published; the former mart stays:\n"
                + "\n".join(lines),
                f"{'; '.join(steps).capitalize()}. If it is right all the same:"
                ' python scripts/refresh.py --accept "REASON"',
            )
        for finding in stopping:
            self.warn("audit", f"accepted: {finding.audit}: {finding.text}")
        self.tell(
            "audit", f"{len(findings)} audits, {sum(not f.is_good for f in findings)} speak up"
        )

    def status(self, build: building.Build) -> publishing.Status:
        """What mart_status says of this run."""
        with duckdb.connect() as connection:
            publishing.attach(connection, self.places.warehouse, "working")
            as_of, version, accounts = connection.execute(
                "select max(score_date), max(scoring_version), count(*)"
                " from working.marts.customer_health"
            ).fetchall()[0]
            counts = connection.execute(
                "select sum(raw_rows), sum(accepted_rows), sum(duplicate_rows), sum(rejected_rows),"
                " sum(blanked_cells) from working.marts.source_reconciliation"
            ).fetchall()[0]
            through = auditing.data_through(connection, "working")
        names = ("raw_rows", "accepted_rows", "duplicate_rows", "rejected_rows", "blanked_cells")
        warnings = self.report["warnings"]
        values = {
            "run_date": self.run_date,
            "as_of_date": as_of,
            "scoring_version": version,
            "accounts": accounts,
            **dict(zip(names, counts, strict=True)),
            "erased_rows": sum(landing.erased_rows(self.places).values()),
            "checks": build.tests + len(self.report["audits"]),
            "warnings": len(warnings),
            "warning_text": "; ".join(warnings) or None,
            "accepted_reason": self.options.accept,
            **{f"{name}_through": day for name, day in through.items()},
        }
        return publishing.Status(self.run_id, self.now.replace(tzinfo=None), values)

    def publish(self, build: building.Build) -> None:
        """Write the version, let readers see it, keep the newest ones."""
        self.teller.progress("publish", "writing")
        written = publishing.write_version(
            self.places, self.status(build), driver_weeks(), self.former
        )
        before = publishing.current_run(self.places)
        publishing.publish(self.places, written.folder, self.run_id)
        publishing.keep_newest(self.places, self.options.keep)
        publishing.keep_newest_runs(self.places, KEPT_RUNS)
        self.report["is_changed"] = written.is_changed
        self.report["published"] = str(self.places.serving)
        if not written.is_changed:
            self.note(
                "publish", f"nothing changed since run {before}: the same data, byte for byte"
            )
        self.report["message"] = f"Published run {self.run_id} in {self.places.serving}"

    def empty_inbox(self) -> None:
        """Remove what was landed from the inbox: its user ids are in clear there."""
        removed = 0
        for _, path in list(landing.landed_arrivals(self.places)):
            path.unlink()
            removed += 1
        if removed:
            self.note("land", f"{removed:,} landed files were removed from the inbox")

    def go(self, lock: locking.Lock) -> None:
        """All steps."""
        if lock.left_behind:
            self.note("check", f"{lock.left_behind} did not end in order; its lock is taken over")
        for text in [*publishing.finish(self.places), *publishing.check_log(self.places)]:
            self.note("check", text)
        self.find_former()
        self.preflight()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.land()
        self.check_inputs()
        self.tell("build", f"dbt build into {self.places.warehouse}")
        build = self.build(lock.handle)
        for text in build.warnings:
            self.warn("build", text)
        if build.nothing_new:
            self.note("build", "nothing is new since the last build")
        self.tell("build", f"{build.models} models, {build.tests} data tests passed")
        self.audit()
        self.publish(build)
        if self.options.empty_inbox:
            self.empty_inbox()

    def rehearse(self) -> None:
        """What a run would do, without doing it."""
        self.preflight()
        self.land()
        for one in self.report["landed"]:
            if one["state"] == "to land":
                self.tell("land", f"{one['input']}/{one['file']} would be landed")
        if not any(one["state"] == "to land" for one in self.report["landed"]):
            self.check_inputs()
        self.report["message"] = "A dry run: nothing was written."

    def record(self) -> None:
        """Write down what the run did, as far as that can be written."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "report.json").write_text(as_json(self.report), encoding="utf-8")


def as_json(report: dict[str, Any]) -> str:
    def plain(value: Any) -> Any:
        return float(value) if isinstance(value, Decimal) else str(value)

    return json.dumps(report, indent=1, default=plain)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Land, build, audit and publish; or keep what is published and say why.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--as-of", type=a_day, metavar="DATE", help="the day the scores speak about")
    add("--run-date", type=a_day, metavar="DATE", help="the clock, today (UTC) unless given")
    add("--full-refresh", action="store_true", help="build every table anew")
    add("--accept", metavar="REASON", help="publish although a limit is exceeded, and record why")
    add("--dry-run", action="store_true", help="say what would be done, write nothing")
    add("--json", action="store_true", help="print what was done as one JSON object")
    add("--keep", type=at_least_one, default=KEPT_VERSIONS, metavar="N",
        help=f"published versions to keep (default {KEPT_VERSIONS})")  # fmt: skip
    add("--empty-inbox", action="store_true",
        help="once published, remove landed files from the inbox")  # fmt: skip
    add("--ignore-disk", action="store_true", help="do not ask for free disk space beforehand")
    options = parser.parse_args(arguments)
    if options.accept is not None and not options.accept.strip():
        parser.error("--accept needs a reason in words, it is recorded with the run")
    if options.as_of and options.as_of > (options.run_date or datetime.now(UTC).date()):
        parser.error("--as-of lies ahead of the run date")
    return options


def run(options: argparse.Namespace) -> int:
    """One refresh from the lock to the record; its exit code."""
    os.umask(UMASK)
    # SIGTERM is what systemd and orchestrators send to stop a run. Ctrl-C is asked for, too: shells
    # start what runs in the background without it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    teller = Teller()
    places = find_places()
    refresh: Refresh | None = None
    code, what, step = PUBLISHED, "", ""
    try:
        places.refuse_mixed_up()
        if options.dry_run:
            refresh = Refresh(options, places, teller)
            refresh.rehearse()
        else:
            with locking.hold(places.lock, "refresh") as lock:
                refresh = Refresh(options, places, teller)
                try:
                    refresh.go(lock)
                except BaseException as error:
                    end(refresh, *reason_of(error, places))
                    refresh.record()
                    raise
                end(refresh, PUBLISHED, refresh.report["message"], "")
                refresh.record()
    except BaseException as error:
        code, what, step = reason_of(error, places)
    teller.close()
    report = refresh.report if refresh else {"exit_code": code, "message": what, "next_step": step}
    if refresh and report["exit_code"] is None:
        end(refresh, code, what or report["message"], step)
    if code:
        teller.line(WORDS[code], what)
        if step:
            teller.line("next", step)
    elif not options.json:
        teller.line("done", report["message"])
    if options.json:
        print(as_json(report))
    return code


WORDS = {
    CHECKS_FAILED: "kept",
    CONFIGURATION: "stopped",
    BUSY: "busy",
    INTERRUPTED: "stopped",
}


def end(refresh: Refresh, code: int, what: str, step: str) -> None:
    refresh.report |= {"exit_code": code, "message": what, "next_step": step}


def reason_of(error: BaseException, places: Places) -> tuple[int, str, str]:
    """Exit code, what happened and what to do next. What is no fault of the run goes on upwards."""
    if isinstance(error, Stop):
        return error.code, error.what, error.next_step
    if isinstance(error, KeyboardInterrupt):
        return (
            INTERRUPTED,
            "Interrupted; the former mart stays.",
            "Run again: it goes on from here.",
        )
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS:
        return (
            CONFIGURATION,
            f"{error.filename or places.publish}: {str(error.strerror).lower()}.",
            "Give this user the right to read and write there.",
        )
    if isinstance(error, duckdb.Error) and publishing.is_full(error):
        return (
            CHECKS_FAILED,
            f"The disk of {places.warehouse.parent} is full; the former mart stays.",
            "Free some space, and run again; nothing has to be repaired.",
        )
    if isinstance(error, OSError):
        full = publishing.is_full(error)
        return (
            CHECKS_FAILED,
            f"{error.filename or places.publish}: {error.strerror}; the former mart stays.",
            "Free some space, and run again." if full else "Look at the disk, and run again.",
        )
    # The words of an unexpected error may hold a cell of the data: they are not shown.
    where = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in reversed(extract_tb(error.__traceback__)[-4:])
    )
    return (
        CHECKS_FAILED,
        f"Unexpected {type(error).__name__} in {where}; the former mart stays.",
        "Run again. If it comes back, it is a fault of the project: report these lines.",
    )


def main() -> int:
    return run(parse(None))


if __name__ == "__main__":
    run_command(main)
