"""Refresh the published scores: land, build, audit, publish; or keep the last version, say why."""

import errno
import json
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from traceback import extract_tb
from typing import Any

import duckdb
import yaml

from customer_health import dbt_runner
from customer_health.console import Reporter, table
from customer_health.errors import (
    BUSY,
    CHECKS_FAILED,
    CONFIGURATION,
    INTERRUPTED,
    PUBLISHED,
    PUBLISHED_WITH_WARNINGS,
    UsageError,
    UserError,
)
from customer_health.inputs import raw_files
from customer_health.inputs.raw_files import listed
from customer_health.refresh import (
    auditing,
    batches,
    erasing,
    inbox,
    landing,
    locking,
    privacy,
    publishing,
    remembering,
)
from customer_health.seeds.validate import validate
from customer_health.settings import UMASK, Settings, project_root, read_settings

KEPT_VERSIONS, KEPT_RUNS = 7, 60
LEAST_FREE_BYTES = 200_000_000
MEMORY = re.compile(r"\d+(\.\d+)? ?[KMGT]i?B", re.IGNORECASE)


def driver_weeks() -> int:
    """Of how many weeks of Sundays drivers are published: a var of the project."""
    project = yaml.safe_load((project_root() / "dbt_project.yml").read_text(encoding="utf-8"))
    return int(project["vars"]["published_driver_weeks"])


@dataclass(frozen=True)
class Options:
    """What is asked of a refresh; each as the option of that name."""

    as_of: date | None = None
    run_date: date | None = None
    full_refresh: bool = False
    accept: Sequence[str] = ()
    reason: str | None = None
    strict: bool = False
    dry_run: bool = False
    keep: int = KEPT_VERSIONS
    empty_inbox: bool = False
    withdraw: Sequence[str] = ()
    restore: Sequence[str] = ()
    list_batches: bool = False
    ignore_disk: bool = False
    json: bool = False
    quiet: bool = False


class Refresh:
    """One run. `report` is what is recorded of it, and what --json prints."""

    def __init__(self, options: Options, settings: Settings, teller: Reporter) -> None:
        self.options, self.settings, self.teller = options, settings, teller
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.run_date: date = options.run_date or self.now.date()
        self.key = privacy.read_key(settings.raw)
        self.run_id = f"{self.next_number():06d}-{self.now:%Y%m%dT%H%M%SZ}"
        self.folder = settings.runs / self.run_id
        self.previous: Path | None = None
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
            "accepted": list(options.accept),
            "reason": options.reason or "",
        }
        self.audited: auditing.Audit | None = None
        self.spoken: list[dict[str, Any]] = []

    def next_number(self) -> int:
        """One more than that of any run that left a trace."""
        p = self.settings
        names = [
            entry.name.lstrip(".").split("-")[0]
            for folder in (p.runs, p.versions, p.log / "status")
            if folder.is_dir()
            for entry in folder.iterdir()
        ]
        names.append(batches.read(p).published_run.split("-")[0])
        return max((int(name) for name in names if name.isdigit()), default=0) + 1

    def tell(self, step: str, text: str) -> None:
        self.teller.line(step, text)

    def warn(self, step: str, text: str) -> None:
        self.report["warnings"].append(text)
        self.teller.line(step, f"warning: {text}", is_error=True)

    def note(self, step: str, text: str) -> None:
        self.report["notes"].append(text)
        self.tell(step, text)

    # ------------------------------------------------------------------------------ the steps

    def find_publication(self) -> None:
        """UserError(2) where something was published from the raw folder, and nothing is there: a
        first publication would be compared with nothing."""
        text = batches.missing_publication(self.settings)
        name = "missing_publication"
        if not text:
            return
        if name not in self.options.accept:
            raise UserError(
                CONFIGURATION,
                f"{name}: {text}",
                f'To begin anew: customer-health refresh --accept {name} --reason "WHY"',
            )
        self.warn("check", f"accepted: {name}: {text}")

    def find_previous(self) -> None:
        """The published version that this run is held against."""
        found = publishing.previous(self.settings)
        self.previous = found.folder
        for text in found.damages:
            name = found.folder.name if found.folder else ""
            then = f"compared with run {name}" if name else "there is nothing to compare with"
            self.warn("check", f"{text}; {then}")

    def preflight(self) -> None:
        """Configuration and free disk; nothing is written yet."""
        rows, faults = validate(project_root() / "seeds" / "scoring")
        if faults:
            first = faults[0]
            row = f", row {first.row}" if first.row else ""
            column = f", {first.column}" if first.column else ""
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise UserError(
                CONFIGURATION,
                f"A fault in seeds/scoring: {first.file}{row}{column}: {first.fault}{more}.",
                f"Fix it: {first.hint}. customer-health validate lists all faults.",
            )
        limit = os.environ.get("HEALTH_MEMORY_LIMIT", "").strip()
        if limit and not MEMORY.fullmatch(limit):
            raise UserError(
                CONFIGURATION,
                f"HEALTH_MEMORY_LIMIT is {limit!r}, which is no amount of memory.",
                "Write it as 6GB or 800MB, or leave it out.",
            )
        if self.key and self.key.weakness:
            self.warn("check", f"the key of the pseudonyms {self.key.weakness}: it can be guessed")
        if self.settings.is_sample():
            self.warn(
                "check",
                "the raw folder is the sample's: what is published is invented"
                " (HEALTH_RAW_DIR names yours)",
            )
        self.check_disk()
        self.tell("check", f"{len(rows)} seed files, nothing wrong")

    def check_disk(self) -> None:
        """UserError(1) where the disk of a folder has no room for another build."""
        size = sum(
            path.stat().st_size
            for path in (self.settings.warehouse, self.settings.serving)
            if path.exists()
        )
        arrived = sum(inbox.size_of(path) for _, path in landing.arrivals(self.settings))
        for folder in (self.settings.raw, self.settings.warehouse.parent, self.settings.publish):
            existing = next(p for p in (folder, *folder.parents) if p.exists())
            free, needed = shutil.disk_usage(existing).free, LEAST_FREE_BYTES + size + arrived
            if free < needed and not self.options.ignore_disk:
                raise UserError(
                    CHECKS_FAILED,
                    f"{folder} has {free / 1e6:,.0f} MB free, a run needs about"
                    f" {needed / 1e6:,.0f} MB.",
                    "Free some space, and run again; nothing was touched.",
                )

    def open_batches(self) -> None:
        """See that the landed batches are what was landed, and let those count that should.
        UserError before anything is landed where their folder is gone."""
        store = batches.read(self.settings)
        if store.names_unknown and store.is_new:
            self.note("check", f"{store.path} is made anew of the landed files")
            for text in store.gaps():
                self.warn("check", text)
        run_id, known = publishing.published_batches(self.settings)
        store.add_published(run_id, known)
        if store.is_new and not run_id:
            store.guess_published(publishing.current_run(self.settings))
        store.refuse_absent_folders()
        store.refuse_changed()
        found = [(text, True, *store.to_withdraw(text)) for text in self.options.withdraw]
        found += [(text, False, *store.to_restore(text)) for text in self.options.restore]
        for text, is_withdrawal, name, records in found:
            word = "withdrawn" if is_withdrawal else "restored"
            would = "would be " * self.options.dry_run
            for record in records:
                # In mart_status, so that readers see that rows are left out.
                say = self.warn if is_withdrawal else self.note
                say("check", f"{would}{word}: {name}/{record.in_words()}")
            if not records:
                state = "withdrawn already" if is_withdrawal else "not withdrawn"
                self.note("check", f"{listed([text])} is {state}")
        if self.options.dry_run:
            return
        store.settle()
        for _, is_withdrawal, _, records in found:
            if is_withdrawal:
                store.withdraw(records, self.now, self.options.reason or "")
            else:
                store.restore(records)

    def check_batches(self) -> None:
        """UserError(1) where a landed batch is gone, and is not landed again."""
        to_come = [one["batch"] for one in self.report["landed"] if one["state"] == "to land"]
        batches.read(self.settings).refuse_missing(to_come)

    def land(self) -> None:
        """Land what is new in the inbox."""
        landing.clear_unfinished(self.settings.raw)
        erasing.check_memory(self.settings)
        for text in landing.unexpected_files(self.settings):
            self.warn("land", f"inbox: {text}")
        if hidden := inbox.hidden(self.settings):
            self.note("land", f"inbox: hidden files are not read: {listed(hidden)}")
        waiting = landing.waiting(self.settings)
        stopped: landing.PartlyLanded | None = None
        try:
            found = landing.land(
                self.settings,
                self.key,
                self.now,
                self.options.dry_run,
                lambda text: self.teller.progress("land", text),
            )
        except landing.PartlyLanded as stop:
            found, stopped = stop.found, stop
        self.report["landed"] = [asdict(one) for one in found]
        for one in found:
            name = f"{one.input}/{listed([one.file])}"
            if one.state == "set aside":
                self.warn("land", f"{name} was set aside: {one.reason}")
            elif one.state == "to set aside":
                self.warn("land", f"{name} would be set aside: {one.reason}")
            elif one.state == landing.CHANGING:
                self.warn(
                    "land",
                    f"{name} was changed less than a minute ago and may still be being written;"
                    " the next run lands it",
                )
            elif one.state == landing.UNREADABLE:
                self.warn("land", f"{name} is not landed: {one.reason}")
            elif one.state == "landed":
                more = (
                    f", {one.erased:,} of erased accounts or users left out" if one.erased else ""
                )
                self.tell("land", f"{name}: {one.rows:,} rows{more}")
                if one.is_again:
                    self.warn("land", f"{name} was landed again: {one.batch} was gone")
                if one.new_columns:
                    self.note("land", f"{name}: new columns, kept: {listed(one.new_columns)}")
                if one.left_out:
                    self.warn(
                        "land",
                        f"{name}: not kept, as they look personal: {listed(one.left_out)}; what is"
                        " needed all the same is listed in landing/kept_columns.csv",
                    )
                if one.lacking_columns:
                    self.warn("land", f"{name}: no longer there: {listed(one.lacking_columns)}")
        for text in landing.orders(found):
            self.tell("land", text)
        if waiting := [file for file in landing.waiting(self.settings) if file in waiting]:
            self.warn(
                "land",
                f"set aside in an earlier run: {listed(waiting)}. Put a corrected file of the same"
                " name into the inbox, or delete it",
            )
        seen = [one for one in found if one.state == "seen before"]
        if seen:
            self.note("land", f"{len(seen):,} files were landed before and did not change")
        withdrawn = [one for one in found if one.state == landing.WITHDRAWN]
        if withdrawn:
            names = listed(f"{one.input}/{one.file}" for one in withdrawn)
            self.note("land", f"withdrawn, not landed: {names} (--restore takes one back)")
        if not found:
            self.tell("land", f"nothing in {self.settings.inbox}")
        if stopped:
            raise stopped

    def check_inputs(self) -> None:
        """UserError(2) where an input that is needed is not there or lacks a column, all at
        once."""
        problems = []
        for contract in raw_files.read_contract():
            seen = raw_files.look(self.settings.raw, contract, rows=False)
            found = [seen.folder_problem] if seen.folder_problem else seen.problems
            problems += [f"- {contract.name}: {problem}" for problem in found]
            if contract.presence == "required" and not seen.files and not found:
                problems.append(f"- {contract.name}: required, but absent from {seen.folder}")
        if problems:
            raise UserError(
                CONFIGURATION,
                "The raw inputs cannot be used:\n" + "\n".join(problems),
                f"Put files into {self.settings.inbox}/<input>, or name the raw folder with"
                " HEALTH_RAW_DIR. scripts/check_input.py looks closer at a folder.",
            )

    def build(self, lock: int) -> dbt_runner.Build:
        """Build the working file; anew where it is damaged."""
        variables = {"run_date": str(self.run_date), "as_of_date": str(self.options.as_of or "")}
        for attempt in (1, 2):
            try:
                if remembering.restore(self.settings, self.previous):
                    self.note("build", "alerts remember the published state, not a later run")
                return dbt_runner.build(
                    self.settings,
                    variables,
                    self.options.full_refresh or batches.read(self.settings).needs_full_build,
                    self.folder,
                    lambda text: self.teller.progress("build", text),
                    (lock,),
                )
            except (duckdb.Error, dbt_runner.CorruptError) as error:
                if not dbt_runner.is_corrupt(str(error), self.settings):
                    raise
                if attempt == 2:
                    raise UserError(
                        CHECKS_FAILED,
                        f"{self.settings.warehouse} is damaged, also after it was built anew.",
                        f"Look at the disk. dbt's own words are in {self.folder / 'dbt.txt'}.",
                    ) from None
                self.set_working_file_aside()
        raise AssertionError("not reached")

    def set_working_file_aside(self) -> None:
        """Move a damaged working file out of the way: all of it follows from raw files, seeds and
        the published state."""
        path = self.settings.warehouse
        goal = path.with_name(f"{path.name}.damaged-{self.run_id}")
        path.replace(goal)
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}.wal").unlink()
        self.warn("build", f"{path} was damaged and is built anew; the damaged one is {goal.name}")

    def audit(self) -> None:
        """Hold the state against the published one and trust.csv; UserError(1) where it may not be
        published."""
        tonight = auditing.landed_rows(self.report["landed"])
        self.audited = auditing.Audit(
            self.settings, self.run_date, self.previous, tonight, bool(self.options.as_of)
        )
        findings = self.audited.run()
        reasons = {f.name: self.reason_for(f) for f in findings if f.is_stopping}
        accepted = {name for name, reason in reasons.items() if reason}
        self.report["audits"] = [
            asdict(f) | {"outcome": outcome(f, f.name in accepted)} for f in findings
        ]
        self.spoken = [
            f.subject | {"value": str(f.value), "reason": reasons.get(f.name, "")}
            for f in findings if not f.is_good
        ]  # fmt: skip
        for finding in findings:
            if not finding.is_good and not finding.is_stopping:
                self.warn("audit", f"{finding.name}: {finding.text}. {next_step([finding])}")
        if stopping := [f for f in findings if f.is_stopping and f.name not in accepted]:
            self.refuse(stopping)
        for finding in findings:
            if finding.name in accepted:
                before = "" if self.accepts(finding) else " before"
                self.warn("audit", f"accepted{before}: {finding.name}: {finding.text}")
        for name in self.options.accept:
            if name != "missing_publication" and not any(
                name in (f.audit, f.name) for f in findings if f.is_stopping
            ):
                self.note("audit", f"--accept {name}: nothing to accept, that audit did not stop")
        self.tell("audit", f"{len(findings)} audits, {len(self.spoken)} flagged")

    def reason_for(self, finding: auditing.Finding) -> str:
        """Why a finding that stops is accepted: now, or in a run that was rolled back since."""
        if self.accepts(finding):
            return str(self.options.reason)
        return self.audited.accepted_later(finding) if self.audited else ""

    def accepts(self, finding: auditing.Finding) -> bool:
        """Whether a finding is one of those that --accept names."""
        names = {finding.audit, finding.name} & set(self.options.accept)
        return bool(names) and finding.audit not in auditing.NEVER_ACCEPTED

    def refuse(self, stopping: list[auditing.Finding]) -> None:
        """UserError(1): the findings that stop, what to look at, and the ways out."""
        lines = [
            f"- {f.name}: {f.text}"
            + (f" (level {f.level.normalize():f})" if f.level is not None else "")
            for f in stopping
        ]
        ways = [next_step(stopping)]
        if batches := {name: file for f in stopping for name, file in f.batches.items()}:
            files = listed(dict.fromkeys(batches.values()), most=len(batches))
            withdraw = " ".join(f"--withdraw {name}" for name in batches)
            ways.append(f"If the data are wrong ({files}): customer-health refresh {withdraw}")
        if all(f.audit not in auditing.NEVER_ACCEPTED for f in stopping):
            accept = " ".join(f"--accept {shlex.quote(f.name)}" for f in stopping)
            ways.append(f'If they are right: customer-health refresh {accept} --reason "WHY"')
        raise UserError(
            CHECKS_FAILED,
            "The state was built and is not published; the previous one stays:\n"
            + "\n".join(lines),
            "\n".join(ways),
        )

    def tell_pin(self) -> None:
        """Say at the start that nothing will be published, whatever else stops the run."""
        if pin := publishing.read_pin(self.settings):
            self.warn("check", f"a version is pinned, nothing is published: {pin.in_words()}")

    def refuse_pinned(self) -> None:
        """UserError(1) where a version is pinned: what was built is not published."""
        if pin := publishing.read_pin(self.settings):
            raise UserError(
                CHECKS_FAILED,
                f"The state was built and is not published. {pin.in_words()}",
                "customer-health rollback --unpin publishes again, with the next run.",
            )

    def status(self, build: dbt_runner.Build) -> publishing.Status:
        """What mart_status says of this run."""
        with duckdb.connect() as connection:
            publishing.attach(connection, self.settings.warehouse, "working")
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
            "erased_rows": sum(landing.erased_rows(self.settings).values()),
            "checks": build.tests + len(self.report["audits"]),
            "warnings": len(warnings),
            "warning_text": "; ".join(warnings) or None,
            "accepted_reason": self.accepted_reason(),
            **{f"{name}_through": day for name, day in through.items()},
        }
        return publishing.Status(self.run_id, self.now.replace(tzinfo=None), values)

    def accepted_reason(self) -> str | None:
        """What was accepted, and why."""
        names = [
            one["audit"] if one["input"] == "*" else f"{one['audit']}:{one['input']}"
            for one in self.spoken
            if one["reason"]
        ]
        reasons = dict.fromkeys(one["reason"] for one in self.spoken if one["reason"])
        return f"{', '.join(names)}: {'; '.join(reasons)}" if names else None

    def publish(self, build: dbt_runner.Build) -> None:
        """Write the version, let readers see it, keep the newest ones."""
        self.teller.progress("publish", "writing")
        audited, status = self.audited, self.status(build)
        written = publishing.write_version(
            self.settings,
            status,
            driver_weeks(),
            self.previous,
            lambda folder: audited.keep(folder, self.run_id, self.spoken) if audited else None,
        )
        before = publishing.current_run(self.settings)
        publishing.publish(self.settings, written.folder, self.run_id)
        batches.note_published(self.settings, self.run_id)
        publishing.keep_newest(self.settings, self.options.keep)
        publishing.keep_newest_runs(self.settings, KEPT_RUNS)
        self.report["is_changed"] = written.is_changed
        self.report["published"] = str(self.settings.serving)
        if not written.is_changed:
            self.note(
                "publish", f"nothing changed since run {before}: the same data, byte for byte"
            )
        self.report["message"] = (
            f"Published run {self.run_id} in {self.settings.serving}:"
            f" {status.values['accounts']:,} accounts as of {status.values['as_of_date']}"
        )

    def empty_inbox(self) -> None:
        """Remove what was landed from the inbox: its user ids are in clear there."""
        if removed := landing.remove_landed(self.settings):
            self.note("land", f"{removed:,} landed files were removed from the inbox")

    def go(self, lock: locking.Lock) -> None:
        """All steps."""
        if lock.left_behind:
            self.note("check", f"{lock.left_behind} was killed; its lock is taken over")
        for text in [*publishing.finish(self.settings), *publishing.check_log(self.settings)]:
            self.note("check", text)
        self.tell_pin()
        self.find_publication()
        self.find_previous()
        self.preflight()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.open_batches()
        self.land()
        self.check_batches()
        self.check_inputs()
        self.tell("build", f"dbt build into {self.settings.warehouse}")
        build = self.build(lock.handle)
        batches.note_built(self.settings)
        for text in build.warnings:
            self.warn("build", text)
        if build.nothing_new:
            self.note("build", "nothing is new since the last build")
        self.tell("build", f"{build.models} models, {build.tests} data tests passed")
        self.audit()
        self.refuse_pinned()
        self.publish(build)
        if self.options.empty_inbox:
            self.empty_inbox()
        self.compact()

    def compact(self) -> None:
        """Put small landed files together. What was published is published: a disk that is full
        ends this, and not the run."""
        try:
            for text in batches.compact(self.settings):
                self.note("land", text)
        except (OSError, duckdb.Error, UserError) as error:
            self.warn("land", f"small files could not be put together: {type(error).__name__}")

    def rehearse(self) -> None:
        """What a run would do, without doing it."""
        if pin := publishing.read_pin(self.settings):
            self.note("check", f"{pin.in_words()} Nothing would be published")
        self.preflight()
        self.open_batches()
        self.land()
        for one in self.report["landed"]:
            if one["state"] == "to land":
                self.tell("land", f"{one['input']}/{one['file']} would be landed")
        self.check_batches()
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


def refuse_unusable(options: Options) -> None:
    """UsageError where the options cannot be meant."""
    refuse_unknown_audits(options.accept)
    if options.reason and not (options.accept or options.withdraw):
        raise UsageError("--reason is recorded with --accept or --withdraw; give one of them")
    if options.accept and not (options.reason or "").strip():
        raise UsageError('--accept needs --reason "WHY", which is recorded with the run')
    if options.as_of and options.as_of > (options.run_date or datetime.now(UTC).date()):
        raise UsageError("--as-of lies ahead of the run date")


def refuse_unknown_audits(names: Sequence[str]) -> None:
    """UsageError where --accept names what is no audit, or no input."""
    inputs = [contract.name for contract in raw_files.read_contract()]
    for name in names:
        audit, _, of = name.partition(":")
        if audit in auditing.NEVER_ACCEPTED:
            ways = {"missing_batch": "withdraw it: --withdraw INPUT/BATCH"}
            way = ways.get(audit, "rows are not accounted for")
            raise UsageError(f"--accept: {audit} cannot be accepted; {way}")
        if audit not in auditing.NEXT_STEPS:
            guess = raw_files.like(audit, auditing.NEXT_STEPS)
            hint = f"; did you mean {guess}?" if guess else ""
            raise UsageError(f"--accept: {listed([audit])} is no audit{hint}")
        if of and of not in inputs:
            guess = raw_files.like(of, inputs)
            hint = f"; did you mean {guess}?" if guess else ""
            raise UsageError(f"--accept: {listed([of])} is no input{hint}")


def next_step(findings: Sequence[auditing.Finding]) -> str:
    """What to look at, as a sentence."""
    steps = dict.fromkeys(auditing.NEXT_STEPS[finding.audit] for finding in findings)
    text = "; ".join(steps)
    return f"{text[:1].upper()}{text[1:]}."


def outcome(finding: auditing.Finding, is_accepted: bool) -> str:
    """good, warned, stopped or accepted."""
    if finding.is_good:
        return "good"
    return "accepted" if is_accepted else "stopped" if finding.is_stopping else "warned"


def list_batches(settings: Settings, is_json: bool) -> int:
    """Print every batch, as a table for people or as JSON."""
    try:
        found = batches.listing(settings)
    except UserError as stop:
        print(f"{stop.what}\n{stop.next_step}", file=sys.stderr)
        return stop.code
    if is_json:
        print(json.dumps(found, indent=1))
    else:
        names = ("batch", "input", "source_file", "rows", "erased", "landed_at", "published_in",
                 "state", "reason")  # fmt: skip
        rows = [[listed([one[name]]) for name in names] for one in found]
        print(table(names, rows))
    return PUBLISHED


def run(options: Options) -> int:
    """One refresh from the lock to the record; its exit code."""
    refuse_unusable(options)
    os.umask(UMASK)
    # SIGTERM is what systemd and orchestrators send to stop a run. Ctrl-C is asked for, too: shells
    # start what runs in the background without it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    teller = Reporter(options.quiet)
    settings = read_settings()
    if options.list_batches:
        return list_batches(settings, options.json)
    refresh: Refresh | None = None
    code, what, step = PUBLISHED, "", ""
    try:
        settings.refuse_mixed_up()
        if options.dry_run:
            refresh = Refresh(options, settings, teller)
            refresh.rehearse()
        else:
            with locking.hold(settings.lock, "refresh") as lock:
                refresh = Refresh(options, settings, teller)
                try:
                    refresh.go(lock)
                except BaseException as error:
                    end(refresh, *reason_of(error, settings))
                    refresh.record()
                    raise
                code = PUBLISHED
                if options.strict and refresh.report["warnings"]:
                    code = PUBLISHED_WITH_WARNINGS
                end(refresh, code, refresh.report["message"], "")
                refresh.record()
    except BaseException as error:
        code, what, step = reason_of(error, settings)
    teller.close()
    report = refresh.report if refresh else {"exit_code": code, "message": what, "next_step": step}
    if refresh and report["exit_code"] is None:
        end(refresh, code, what or report["message"], step)
    if code in WORDS:
        teller.line(WORDS[code], what, is_error=True)
        if step:
            teller.line("next", step, is_error=True)
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


def reason_of(error: BaseException, settings: Settings) -> tuple[int, str, str]:
    """Exit code, what happened and what to do next. What is no fault of the run goes on upwards."""
    if isinstance(error, UserError):
        return error.code, error.what, error.next_step
    if isinstance(error, KeyboardInterrupt):
        return (
            INTERRUPTED,
            "Interrupted; the last version stays live.",
            "Run again: it goes on from here.",
        )
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            CONFIGURATION,
            f"{error.filename or settings.publish}: {str(error.strerror).lower()}.",
            "Give this user the right to read and write there.",
        )
    if isinstance(error, duckdb.Error) and publishing.is_full(error):
        return (
            CHECKS_FAILED,
            f"The disk of {settings.warehouse.parent} is full; the last version stays live.",
            "Free some space, and run again; nothing has to be repaired.",
        )
    if isinstance(error, OSError):
        full = publishing.is_full(error)
        return (
            CHECKS_FAILED,
            f"{error.filename or settings.publish}: {error.strerror}; the last version stays live.",
            "Free some space, and run again." if full else "Look at the disk, and run again.",
        )
    # The words of an unexpected error may hold a cell of the data: they are not shown.
    where = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in reversed(extract_tb(error.__traceback__)[-4:])
    )
    return (
        CHECKS_FAILED,
        f"Unexpected {type(error).__name__} in {where}; the last version stays live.",
        "Run again. If it comes back, it is a fault of the project: report these lines.",
    )
