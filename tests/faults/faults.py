"""Break a refresh in the ways that nights know, and see that readers do not notice.

Usage:
    python tests/faults/faults.py                # all of them, two at a time
    python tests/faults/faults.py kill           # those whose name contains the word
    python tests/faults/faults.py --every 2      # half of them, as in CI
    python tests/faults/faults.py --docs         # and write the table of docs/reliability.md

Each fault happens to a copy of an installation that has published once. Then: the exit code and the
words that a person sees are the expected ones; unless it published, readers see the previous state,
byte for byte; when the fault is fixed the next run publishes, without a hand; and every row ever
landed is accepted, duplicate, rejected or erased. Exit 0 when all of that held for all of them.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from customer_health.inputs.raw_files import Contract, read_contract  # noqa: E402
from place import (  # noqa: E402
    ACCEPT_ALL,
    DAY,
    HEADER,
    OTHER_KEY,
    Accounts,
    Done,
    Place,
    fill_inbox,
    more_events,
    retyped,
    rows_in,
    write_a_while_ago,
)
from project import copy_project, write_csv  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
MARK = "<!-- the table is written by python tests/faults/faults.py --docs -->"
Step = Callable[[Place], None]
Run = Callable[[Place], Done]


class CannotHappenHere(Exception):
    """This machine cannot bring the fault about; the text says why."""


@dataclass(frozen=True)
class Fault:
    """`make` brings it about before `run`; a person sees `code` and `words`; `fix` takes it away.
    With `same`, the marts are in the end those of a run that was not disturbed; one that
    `may_publish` can show them before it ends as it does."""

    group: str
    name: str
    make: Step
    code: int
    words: str
    run: Run
    fix: Step
    same: bool = False
    may_publish: bool = False


@dataclass(frozen=True)
class Seen:
    """What came of a fault; `problems` is empty when all was as expected."""

    fault: Fault
    problems: list[str]
    events: list[str] = field(default_factory=list)
    rows: Accounts = field(default_factory=Accounts)
    skipped: str = ""


def nothing(place: Place) -> None:
    """No step."""


def refresh(place: Place) -> Done:
    return place.refresh()


def fault(
    group: str,
    name: str,
    make: Step,
    code: int,
    words: str,
    run: Run = refresh,
    fix: Step = nothing,
    same: bool = False,
    may_publish: bool = False,
) -> Fault:
    return Fault(group, name, make, code, words, run, fix, same, may_publish)


# ------------------------------------------------------------------------------- bad inputs

CELLS = {"varchar": "text", "timestamp": "2026-02-03", "integer": "1", "decimal": "1.5"}
GOOD = {
    "account_id": "a1",
    "kind": "recurring",
    "survey_type": "nps",
    "sentiment": "3",
    "score": "7",
    "expires_at": "2026-02-20",
    "priority": "low",
    "currency": "",
    "parent_account_id": "",
}


def good_row(contract: Contract, number: int) -> dict[str, str]:
    """A row that the project accepts."""
    cells = {
        column.name: GOOD.get(column.name, CELLS.get(column.type, ""))
        for column in contract.columns
    }
    if contract.name == "accounts":
        cells |= {"account_id": f"new{number}", "created_at": "2026-01-05"}
        return cells | {"updated_at": "", "deleted_at": ""}
    key = contract.columns[0].name
    later = {name: "" for name in cells if name in ("updated_at", "ended_at", "term_ends_at")}
    return cells | later | {key: f"k{number}"}


def write_rows(place: Place, contract: Contract, rows: list[dict[str, str]], file: str) -> Path:
    names = list(rows[0])
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    return write_csv(place.inbox, contract.name, lines, file)


def bad_rows(contract: Contract) -> Step:
    """One good row, one without a key, one with a moment that is none."""

    def make(place: Place) -> None:
        rows = [good_row(contract, number) for number in range(60)]
        rows[1][contract.columns[0].name] = ""
        moment = next(c.name for c in contract.columns if c.type == "timestamp" and c.required)
        rows[2][moment] = "the third"
        write_rows(place, contract, rows, "bad_rows.csv")

    return make


def bad_files(contract: Contract) -> Step:
    """A file of no bytes, and a Parquet file without its end."""

    def make(place: Place) -> None:
        write_csv(place.inbox, contract.name, [], "empty.csv")
        rows = [good_row(contract, number) for number in range(50)]
        path = write_rows(place, contract, rows, "whole.csv")
        goal = path.with_name("truncated.parquet")
        rows_in(f"copy (from read_csv('{path}', all_varchar = true)) to '{goal}'")
        goal.write_bytes(goal.read_bytes()[:-100])
        path.unlink()
        write_a_while_ago(place)

    return make


def column_gone(contract: Contract) -> Step:
    """The last required column has another name."""

    def make(place: Place) -> None:
        name = [column.name for column in contract.columns if column.required][-1]
        rows = [good_row(contract, 1)]
        rows[0][f"{name}_v2"] = rows[0].pop(name)
        write_rows(place, contract, rows, "drifted.csv")

    return make


def remove(name: str, file: str) -> Step:
    def fix(place: Place) -> None:
        (place.inbox / name / file).unlink()

    return fix


def input_faults() -> list[Fault]:
    found = []
    for contract in read_contract():
        name = contract.name
        gone = [column.name for column in contract.columns if column.required][-1]
        found += [
            fault("inputs", f"{name}: rows without key and moment", bad_rows(contract), 0, "done"),
            fault("inputs", f"{name}: a file of zero bytes, one cut off", bad_files(contract), 0,
                  f"{name}/truncated.parquet was set aside"),
            fault("inputs", f"{name}: a required column has another name", column_gone(contract), 1,
                  f"- {gone}: required, no longer there, but {gone}_v2 is new",
                  fix=remove(name, "drifted.csv")),
        ]  # fmt: skip
    return found


def stopped_feed(place: Place) -> None:
    """Nothing comes; two weeks later."""


def two_weeks_later(place: Place) -> Done:
    return place.run("refresh.py", "--run-date", "2026-03-14")


def hundredfold(place: Place) -> None:
    rows = [f"boom{n},a{n % 2 + 1},,2026-02-27,login" for n in range(3000)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "boom.csv")


def steady_feed(place: Place) -> None:
    """30 rows a day for five weeks, so that there is a usual volume."""
    rows = [
        f"s{day}_{n},a{n % 2 + 1},,{date(2026, 1, 20) + timedelta(day)},login"
        for day in range(39)
        for n in range(30)
    ]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "steady.csv")
    done = place.refresh(*ACCEPT_ALL)
    assert done.code == 0, done.err


def explode(place: Place) -> None:
    steady_feed(place)
    hundredfold(place)
    rows = [f"day{n},a{n % 2 + 1},,2026-02-28,login" for n in range(3000)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "day.csv")


def next_day(place: Place) -> Done:
    return place.run("refresh.py", "--run-date", "2026-03-01")


def rejected(place: Place) -> None:
    rows = [f"bad{n},a1,,no date,login" for n in range(30)]
    write_csv(place.inbox, "usage_events", [HEADER, *rows], "bad.csv")


def landed_file_gone(place: Place) -> None:
    (path,) = (place.raw / "usage_events").iterdir()
    path.unlink()


def rows_taken_back(place: Place) -> None:
    """The landed file is gone, and so is its source."""
    (path,) = (place.raw / "usage_events").iterdir()
    path.rename(place.folder / path.name)
    (place.inbox / "usage_events" / "usage_events.csv").rename(place.folder / "usage_events.csv")


def rows_put_back(place: Place) -> None:
    (path,) = place.folder.glob("batch-*.parquet")
    path.rename(place.raw / "usage_events" / path.name)
    for source in place.folder.glob("usage_events.csv"):
        source.rename(place.inbox / "usage_events" / source.name)


def raw_changed_by_hand(place: Place) -> None:
    (path,) = (place.raw / "usage_events").iterdir()
    shutil.copy(path, place.folder / path.name)
    rows_in(
        f"copy (from '{place.folder / path.name}' limit 26) to '{path}'"
        " (format parquet, kv_metadata {source_file: 'usage_events.csv', source_sha256: '0',"
        " rows_received: '27', rows_erased: '0', loaded_at: '2026-02-28', columns: '{}'})"
    )


def raw_damaged(place: Place) -> None:
    """Zeros in the middle of a landed file."""
    (path,) = (place.raw / "usage_events").iterdir()
    shutil.copy(path, place.folder / path.name)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:100] + b"\0" * middle + data[100 + middle :])


def all_taken_back(place: Place) -> None:
    """And nothing tells of it but what was published."""
    rows_taken_back(place)
    no_manifest(place)


def no_manifest(place: Place) -> None:
    (place.raw / ".batches.json").unlink()


def manifest_damaged(place: Place) -> None:
    os.truncate(place.raw / ".batches.json", 100)


def move_away(name: str) -> Step:
    return lambda place: (place.folder / name).rename(place.folder / "moved") and None


def move_back(name: str) -> Step:
    return lambda place: (place.folder / "moved").rename(place.folder / name) and None


FEEDS = [
    fault("inputs", "usage_events: columns of another type", retyped, 1,
          "~ event_at: text so far, now whole number",
          fix=remove("usage_events", "typed.parquet")),
    fault("inputs", "all rows of a file are rejected", rejected, 1,
          "rejected_share:usage_events"),
    fault("inputs", "the feed stopped", stopped_feed, 0, "the feed stopped", run=two_weeks_later),
    fault("inputs", "a day has a hundred times the rows", explode, 1, "exploded", run=next_day),
    fault("inputs", "a landed file is gone, its source is in the inbox", landed_file_gone, 0,
          "usage_events/usage_events.csv: 27 rows", same=True),
    fault("inputs", "a landed file is gone, and so is its source", rows_taken_back, 1,
          "usage_events.csv, 27 rows, landed", fix=rows_put_back, same=True),
    fault("inputs", "a landed file was changed by hand", raw_changed_by_hand, 1,
          "missing_batch", fix=rows_put_back, same=True),
    fault("inputs", "a landed file is damaged", raw_damaged, 1, "is damaged: it is not what was",
          fix=rows_put_back, same=True),
    fault("inputs", "a landed file and the manifest of batches are gone", all_taken_back, 1,
          "source no longer known, 27 rows", fix=rows_put_back, same=True),
    fault("inputs", "the manifest of batches is gone", no_manifest, 0, "is made anew", same=True),
    fault("inputs", "the manifest of batches is damaged", manifest_damaged, 2,
          ".batches.json cannot be read", fix=no_manifest, same=True),
    fault("inputs", "the folder of an input is gone", move_away("raw/usage_events"), 2,
          "raw/usage_events is gone. It held 1", fix=move_back("raw/usage_events"), same=True),
    fault("inputs", "the raw folder is gone", move_away("raw"), 2, "raw is gone. It held 1",
          fix=move_back("raw"), same=True),
]  # fmt: skip


# ------------------------------------------------------------------------------- configuration


def seed(file: str, old: str, new: str) -> Step:
    """Change a seed of the place's own copy of the project."""

    def make(place: Place) -> None:
        path = place.project / "seeds" / "scoring" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return make


def without_seed(place: Place) -> None:
    (place.project / "seeds" / "scoring" / "grades.csv").unlink()


def seeds_back(place: Place) -> None:
    goal = place.project / "seeds" / "scoring"
    shutil.rmtree(goal)
    shutil.copytree(ROOT / "seeds" / "scoring", goal)


def broken_model(place: Place) -> None:
    path = place.project / "models" / "scoring" / "score_limits.sql"
    path.write_text("select 1 as one from nowhere\n", encoding="utf-8")


def model_back(place: Place) -> None:
    for folder in ("models", "data_tests"):
        shutil.rmtree(place.project / folder)
        shutil.copytree(ROOT / folder, place.project / folder)


def failing_test(place: Place) -> None:
    path = place.project / "data_tests" / "assert_nothing_is_ever_right.sql"
    path.write_text("select account_id from {{ ref('customer_health') }}\n", encoding="utf-8")


def with_environment(**variables: str) -> Run:
    def run(place: Place) -> Done:
        return Place(place.folder, {**place.environment, **variables}, place.project).refresh()

    return run


def with_arguments(*arguments: str) -> Run:
    def run(place: Place) -> Done:
        return place.refresh(*arguments)

    return run


def into_the_sample(place: Place) -> Done:
    return with_environment(HEALTH_RAW_DIR=str(place.project / "sample_data"))(place)


def some_users(place: Place) -> None:
    more_events(place, "late", range(20, 26))


CONFIGURATION = [
    fault("configuration", "weights do not sum to 100",
          seed("scorecard_metrics.csv", ",12,", ",13,"), 2, "scorecard_metrics.csv, row",
          fix=seeds_back, same=True),
    fault("configuration", "a seed is missing", without_seed, 2, "there is no grades.csv",
          fix=seeds_back, same=True),
    fault("configuration", "a level in percent", seed("trust.csv", "*,,0.05,", "*,,5,"), 2,
          "trust.csv, row 2, level", fix=seeds_back, same=True),
    fault("configuration", "an SQL statement in a name",
          seed("segments.csv", "enterprise", "x'; drop table y; --"), 2, "segments.csv",
          fix=seeds_back, same=True),
    fault("configuration", "Jinja in a label",
          seed("grades.csv", "Healthy", "{{ env_var('HOME') }}"), 2, "Jinja braces",
          fix=seeds_back, same=True),
    fault("configuration", "a model that does not build", broken_model, 1,
          "Could not be built: score_limits", fix=model_back, same=True),
    fault("configuration", "a data test that fails", failing_test, 1,
          "assert_nothing_is_ever_right", fix=model_back, same=True),
    fault("configuration", "no key", some_users, 2, "HEALTH_PSEUDONYM_KEY is not set",
          run=with_environment(HEALTH_PSEUDONYM_KEY="")),
    fault("configuration", "a short key", some_users, 2, "is shorter than 32 random bytes",
          run=with_environment(HEALTH_PSEUDONYM_KEY="short")),
    fault("configuration", "another key", some_users, 2, "is not the key",
          run=with_environment(HEALTH_PSEUDONYM_KEY=OTHER_KEY)),
    fault("configuration", "an as-of date that is none", nothing, 2, "has to be a date",
          run=with_arguments("--as-of", "soon"), same=True),
    fault("configuration", "an as-of date with SQL in it", nothing, 2, "has to be a date",
          run=with_arguments("--as-of", "2026-02-01'; drop table x; --"), same=True),
    fault("configuration", "an as-of date ahead", nothing, 2, "lies ahead",
          run=with_arguments("--as-of", "2026-03-05"), same=True),
    fault("configuration", "the raw folder is the sample's", some_users, 2,
          "the raw folder is the sample's",
          run=into_the_sample),
]  # fmt: skip


# ------------------------------------------------------------------------------- operations


def stopped_when(
    is_time: Callable[[Place, float], bool],
    number: signal.Signals = signal.SIGKILL,
    script: str = "refresh.py",
    arguments: tuple[str, ...] = ("--run-date", DAY),
) -> Run:
    """Send a signal, kill -9 unless another is named, as soon as it is time: asked of the place and
    the seconds since the start."""

    def run(place: Place) -> Done:
        process = place.start(script, *arguments)
        start = time.monotonic()
        while process.poll() is None and not is_time(place, time.monotonic() - start):
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate()
        return Done(process.returncode, out, err)

    return run


def after_seconds(wanted: float) -> Callable[[Place, float], bool]:
    return lambda place, seconds: seconds >= wanted


def at_share_of_build(share: float) -> Callable[[Place, float], bool]:
    """When dbt has begun with this share of what it ran in the first run."""

    def is_time(place: Place, seconds: float) -> bool:
        runs = sorted((place.published / "runs").iterdir())
        begun = [len(list((run / "target" / "run").rglob("*.sql"))) for run in runs]
        return len(runs) > 1 and begun[-1] >= share * begun[0]

    return is_time


def at_written_files(number: int) -> Callable[[Place, float], bool]:
    """When the folder of the new version has so many files, and nobody sees it yet."""

    def is_time(place: Place, seconds: float) -> bool:
        with suppress(OSError):
            return any(
                sum(path.is_file() for path in folder.rglob("*")) >= number
                for folder in (place.published / "versions").glob(".*")
            )
        return False

    return is_time


def once_published(place: Place, seconds: float) -> bool:
    """When readers see the new version, and the log may not have it yet."""
    runs = sorted(path.name for path in (place.published / "runs").iterdir())
    return (place.published / "current").readlink().name == runs[-1] != runs[0]


def refused(place: Place) -> None:
    """A bad file is landed, and not published."""
    rejected(place)
    done = place.refresh()
    assert done.code == 1, done.err


def once_withdrawn(place: Place, seconds: float) -> bool:
    """When the manifest says that a batch is withdrawn."""
    return "withdrawn_at" in (place.raw / ".batches.json").read_text(encoding="utf-8")


def erased_again(place: Place) -> Done:
    """An erasure that is killed, and made again."""
    stopped_when(after_seconds(0.7), script="erase.py", arguments=("--account", "a1"))(place)
    return place.run("erase.py", "--account", "a1")


def sent_again(place: Place) -> Done:
    """Everything of an erased account is sent again, under other names."""
    sources = {p: p.read_bytes() for p in sorted(place.inbox.rglob("*.csv"))}
    done = place.run("erase.py", "--account", "a1")
    assert done.code == 0, done.err
    for path, data in sources.items():
        path.with_name(f"again_{path.name}").write_bytes(data + data.splitlines()[-1] + b"\n")
    return place.refresh(*ACCEPT_ALL)


def published_file(name: str) -> Step:
    """A file of what readers see is damaged."""

    def make(place: Place) -> None:
        path = place.published / "current" / name
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    return make


def no_published_copy(place: Place) -> None:
    (place.published / "current" / "marts" / "customer_health.parquet").unlink()


def log_damaged(place: Place) -> None:
    (path,) = (place.published / "log").glob("*.parquet")
    os.truncate(path, 100)


def log_and_version_damaged(place: Place) -> None:
    (path,) = (place.published / "log").glob("*.parquet")
    shutil.copy(path, place.folder / "kept.parquet")
    log_damaged(place)
    (place.published / "current" / ".fct_published_scores.parquet").unlink()


def log_back(place: Place) -> None:
    (path,) = (place.published / "log").glob("*.parquet")
    (place.folder / "kept.parquet").rename(path)


def two_at_once(place: Place) -> Done:
    first = place.start("refresh.py", "--run-date", DAY)
    lock = place.published / ".lock"
    while not lock.read_text(encoding="utf-8") and first.poll() is None:
        time.sleep(0.02)
    second = place.refresh()
    first.communicate()
    return second


def while_read(file: str) -> Run:
    """A process has a DuckDB file open."""

    def run(place: Place) -> Done:
        path = place.warehouse if file == "working" else place.serving
        code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}, read_only=True); print(1, flush=True); sys.stdin.read()"  # noqa: E501
        reader = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert reader.stdout is not None
        reader.stdout.readline()
        try:
            return place.refresh()
        finally:
            reader.communicate()

    return run


def damage(start: int, size: int) -> Step:
    """Zeros in the working file; from the end where `start` is negative."""

    def make(place: Place) -> None:
        with place.warehouse.open("r+b") as file:
            file.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
            file.write(b"\0" * size)

    return make


def cut_working_file(place: Place) -> None:
    os.truncate(place.warehouse, place.warehouse.stat().st_size // 2)


def no_working_file(place: Place) -> None:
    place.warehouse.unlink()


def clock_back(place: Place) -> Done:
    return place.run("refresh.py", "--run-date", "2026-02-20")


def clock_ahead(place: Place) -> Done:
    return place.run("refresh.py", "--run-date", "2027-02-20")


def small_disk(place: Place, folder: Path, megabytes: float) -> None:
    """Put a small disk under a folder, with its content on it."""
    content = place.folder / f"{folder.name}_content"
    folder.rename(content)
    folder.mkdir()
    size = sum(p.stat().st_size for p in content.rglob("*") if p.is_file()) / 1e6
    options = f"size={int((size * 1.1 + megabytes) * 1e6)}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        folder.rmdir()
        content.rename(folder)
        raise CannotHappenHere("a small disk can be mounted by root only")
    shutil.copytree(content, folder, symlinks=True, dirs_exist_ok=True)


def larger_disk(place: Place, folder: Path) -> None:
    if os.path.ismount(folder):
        subprocess.run(["mount", "-o", "remount,size=500m", str(folder)], check=True)


def full_disk_at(name: str, megabytes: float) -> tuple[Step, Step]:
    def folder(place: Place) -> Path:
        return {"land": place.raw, "build": place.warehouse.parent, "publish": place.published}[
            name
        ]

    def make(place: Place) -> None:
        rows = [f"d{n},a1,person-{n}@example.com,2026-02-2{n % 8},login" for n in range(60_000)]
        write_csv(place.inbox, "usage_events", [HEADER, *rows], "many.csv")
        small_disk(place, folder(place), megabytes)

    return make, lambda place: larger_disk(place, folder(place))


def read_only(place: Place) -> None:
    """The published folder is a disk that is mounted read-only."""
    command = ["mount", "--bind", "-o", "ro", str(place.published), str(place.published)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        raise CannotHappenHere("a folder can be mounted read-only by root only")


def writable(place: Place) -> None:
    subprocess.run(["umount", str(place.published)], check=True)


def no_publishing_folder(place: Place) -> None:
    place.published.rename(place.folder / "elsewhere")
    place.published.write_text("not a folder", encoding="utf-8")


def publishing_folder_back(place: Place) -> None:
    place.published.unlink()
    (place.folder / "elsewhere").rename(place.published)


def operations() -> list[Fault]:
    chance = random.Random("moments of death")
    moments = [
        *(
            (f"{seconds:.2f} s after the start", after_seconds(seconds))
            for seconds in sorted(chance.uniform(0.1, 1.2) for _ in range(5))
        ),
        *(
            (f"after {100 * share:.0f} % of the build", at_share_of_build(share))
            for share in sorted(chance.uniform(0.01, 0.95) for _ in range(12))
        ),
        *(
            (f"when {number} files of the version are written", at_written_files(number))
            for number in sorted(chance.sample(range(1, 24), 6))
        ),
        *((f"as soon as it is seen, {time} time", once_published) for time in ("first", "second")),
    ]
    ignore_disk = with_arguments("--ignore-disk")
    found = [
        fault("operations", f"kill -9 {words}", some_users, -9, "", run=stopped_when(moment),
              same=True, may_publish=moment is once_published)
        for words, moment in moments
    ]  # fmt: skip
    for name, place, megabytes, words in (
        ("while landing", "land", 0.1, "disk"),
        ("in the working file", "build", 2, "The disk of"),
        ("while dbt writes artifacts", "publish", 2, "No space left on device"),
        ("while publishing", "publish", 13, "The disk is full"),
    ):
        make, fix = full_disk_at(place, megabytes)
        found.append(fault("operations", f"disk full {name}", make, 1, words, ignore_disk, fix))
    return [
        *found,
        fault("operations", "Ctrl-C in the middle of the build", some_users, 130, "Interrupted",
              stopped_when(at_share_of_build(0.5), signal.SIGINT), same=True),
        fault("operations", "SIGTERM in the middle of the build", some_users, 130, "Interrupted",
              stopped_when(at_share_of_build(0.4), signal.SIGTERM), same=True),
        fault("operations", "kill -9 while a file is withdrawn", refused, -9, "",
              stopped_when(once_withdrawn, arguments=("--run-date", DAY, "--withdraw", "bad.csv")),
              fix=remove("usage_events", "bad.csv"), same=True),
        fault("operations", "kill -9 while an account is erased", nothing, 0, "", erased_again),
        fault("operations", "an erased account is sent again", nothing, 0,
              "of erased accounts or users left out", sent_again),
        fault("operations", "two runs at once", some_users, 75, "holds", two_at_once, same=True,
              may_publish=True),
        fault("operations", "a reader has the working file open", some_users, 75,
              "is open in process", while_read("working"), same=True),
        fault("operations", "a reader has the published file open", some_users, 0, "done",
              while_read("published"), same=True),
        fault("operations", "the working file begins with zeros", damage(0, 100_000), 0,
              "was damaged and is built anew", same=True),
        fault("operations", "the working file is cut in half", cut_working_file, 0,
              "was damaged and is built anew", same=True),
        fault("operations", "the working file is gone", no_working_file, 0, "done", same=True),
        fault("operations", "the published file is damaged",
              published_file("customer_health.duckdb"), 0, "is not as it was published", same=True),
        fault("operations", "a published copy is damaged",
              published_file("marts/fct_health_scores.parquet"), 0, "is not as it was published",
              same=True),
        fault("operations", "a published copy is gone", no_published_copy, 0,
              "is not as it was published", same=True),
        fault("operations", "the published memory of alerts is damaged",
              published_file(".memory.parquet"), 0, "is not as it was published", same=True),
        fault("operations", "the manifest is damaged", published_file("manifest.json"), 0,
              "is not as it was published", same=True),
        fault("operations", "the log is damaged", log_damaged, 0, "was put back", same=True),
        fault("operations", "the log and its version are damaged", log_and_version_damaged, 1,
              "it is what was published in run", fix=log_back, same=True),
        fault("operations", "the clock is a week behind", nothing, 1, "days_ahead", clock_back,
              same=True),
        fault("operations", "the clock is a year ahead", nothing, 0, "the feed stopped",
              clock_ahead, same=True),
        fault("operations", "the published folder is read-only", read_only, 2, "ead-only",
              fix=writable, same=True),
        fault("operations", "the published folder is a file", no_publishing_folder, 2,
              "cannot be made a folder", refresh,
              publishing_folder_back, same=True),
    ]  # fmt: skip


FAULTS = [*input_faults(), *FEEDS, *CONFIGURATION, *operations()]


# ------------------------------------------------------------------------------- the suite


def own_project(place: Place, folder: Path) -> Place:
    """The place with a copy of the project, to be changed at will."""
    return Place(place.folder, place.environment, copy_project(folder))


def suffer(
    one: Fault, base: Place, undisturbed: dict[str, dict[str, bytes]], scratch: Path
) -> Seen:
    """Let a fault happen to a copy of the installation; what came of it."""
    place = base.copy(scratch / "place")
    if one.group == "configuration":
        place = own_project(place, scratch / "project")
    try:
        first = place.files()
        one.make(place)
        wanted = undisturbed["late" if one.make is some_users else "nothing"]
        return come_through(one, place, (first, place.files()), wanted)
    except CannotHappenHere as reason:
        return Seen(one, [], skipped=str(reason))
    finally:
        release(place)
        shutil.rmtree(scratch, ignore_errors=True)


def come_through(
    one: Fault, place: Place, previous: tuple[dict[str, bytes], ...], undisturbed: dict[str, bytes]
) -> Seen:
    """The run that meets the fault, and the one after it. `previous` are the states that readers
    may see when it does not publish: before the fault and, where that publishes, after it."""
    done = one.run(place)
    problems, events = [], [f"{done.code}"]
    if done.code != one.code:
        problems.append(f"exit code {done.code}, not {one.code}: {done.err[-600:]}")
    if one.words not in done.err:
        problems.append(f"does not say {one.words!r}: {done.err[-600:]}")
    one.fix(place)
    if done.code != 0:
        now = place.files()
        if now in previous:
            events.append("readers see the previous state")
        elif one.may_publish and now == undisturbed:
            events.append("readers see the new state")
        else:
            problems.append("readers see something else")
    if done.code != 0 or one.group != "inputs":
        again = place.refresh(*ACCEPT_ALL, "--ignore-disk")
        if again.code != 0:
            problems.append(f"the next run does not publish: {again.err[-600:]}")
            return Seen(one, problems, events)
        events.append("the next run publishes")
    if one.same:
        found = place.files()
        names = [name for name in undisturbed if found.get(name) != undisturbed[name]]
        if names or found.keys() != undisturbed.keys():
            problems.append(f"not as without the fault: {', '.join(names)}")
        events[-1] += " the same as without the fault"
    rows = place.accounts()
    if rows.lost:
        problems.append(f"rows are lost: {rows}")
    return Seen(one, problems, events, rows)


def release(place: Place) -> None:
    """Take away what was mounted."""
    for folder in (place.raw, place.warehouse.parent, place.published):
        # Asked of each, because a folder that is mounted onto itself does not look like a mount.
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def table(seen: list[Seen]) -> str:
    """The faults as a table, for docs/reliability.md."""
    lines = ["| fault | expected exit code and words | seen | rows lost |", "|---|---|---|---|"]
    for one in seen:
        words = f": `{one.fault.words}`" if one.fault.words and one.fault.words != "done" else ""
        came = "; ".join([*one.events, *one.problems])[:300].replace("\n", " ")
        came = f"not tried: {one.skipped}" if one.skipped else came
        lines.append(f"| {one.fault.name} | {one.fault.code}{words} | {came} | {one.rows.lost} |")
    return "\n".join(lines)


def summary(seen: list[Seen]) -> str:
    """What came of all of them, and of every row."""
    bad, skipped = (sum(bool(x) for x in column) for column in
                    zip(*((one.problems, one.skipped) for one in seen), strict=True))  # fmt: skip
    rows = sum((one.rows for one in seen), Accounts())
    return (
        f"{len(seen) - bad - skipped} of {len(seen)} faults as expected, {skipped} not tried."
        f" Rows landed {rows.landed:,} = accepted {rows.accepted:,} + duplicate"
        f" {rows.duplicate:,} + rejected {rows.rejected:,} + erased {rows.erased:,};"
        f" lost {sum(one.rows.lost for one in seen):,}."
    )


def write_docs(seen: list[Seen]) -> None:
    """Put the table into docs/reliability.md, below its mark."""
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{head}{mark}\n\n{table(seen)}\n\n{summary(seen)}\n", encoding="utf-8")


def suffer_all(chosen: list[Fault], folder: Path, workers: int) -> list[Seen]:
    """Let each of the faults happen, and tell of it."""
    base = Place(folder / "base", project=ROOT)
    fill_inbox(base)
    first = base.refresh()
    assert first.code == 0, first.err
    late = base.copy(folder / "late")
    some_users(late)
    second = late.refresh()
    assert second.code == 0, second.err
    undisturbed = {"nothing": base.files(), "late": late.files()}
    seen = []
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(suffer, one, base, undisturbed, folder / str(number))
            for number, one in enumerate(chosen)
        ]
        for future in futures:
            one = future.result()
            seen.append(one)
            state = f"not tried: {one.skipped}" if one.skipped else "as expected"
            print(f"{one.fault.name:60} {'; '.join(one.problems) or state}", flush=True)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("word", nargs="?", default="", help="only faults whose name contains it")
    parser.add_argument("--docs", action="store_true", help="write the table of reliability.md")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th only")
    options = parser.parse_args()
    chosen = [one for one in FAULTS if options.word in one.name][:: options.every]
    if not chosen:
        parser.error("no fault has that word in its name")
    if options.docs and len(chosen) < len(FAULTS):
        parser.error("the table is of all faults: leave out the word and --every")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults_") as name:
        seen = suffer_all(chosen, Path(name), options.workers)
    print(f"{summary(seen)} {(time.monotonic() - start) / 60:.0f} minutes.")
    if options.docs:
        write_docs(seen)
    return 1 if any(one.problems for one in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
