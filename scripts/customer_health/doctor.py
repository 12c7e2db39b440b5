"""Check an installation: what is there, what is missing, what to do about it."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from customer_health.console import as_json
from customer_health.errors import UserError
from customer_health.settings import Settings, project_root, read_settings

LEAST_FREE_BYTES = 1_000_000_000
# The versions that are tested, as pyproject.toml has them.
VERSIONS = {"dbt-core": ("1.11", "2"), "dbt-duckdb": ("1.11", "2"), "duckdb": ("1.5", "1.6")}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: ok, advice or problem; what to do where it is not ok."""

    name: str
    state: str
    text: str
    next_step: str = ""


def run(is_json: bool, is_quiet: bool) -> int:
    """Print every check; 1 where something has to be fixed."""
    found = list(checks())
    if is_json:
        print(as_json([asdict(one) for one in found]))
    else:
        for one in found:
            if is_quiet and one.state == "ok":
                continue
            print(f"{one.state:<8} {one.name:<12} {one.text}")
            if one.next_step:
                print(f"{'':>21} -> {one.next_step}")
    return 1 if any(one.state == "problem" for one in found) else 0


def checks() -> Iterator[Check]:
    """Every check, in an order in which one that fails explains those after it."""
    yield from versions()
    try:
        root, settings = project_root(), read_settings()
        settings.refuse_mixed_up()
    except UserError as error:
        yield Check("project", "problem", error.what, error.next_step)
        return
    yield Check("project", "ok", str(root))
    looks: tuple[Callable[[Settings, Path], Iterator[Check]], ...] = (
        seeds, inputs, inbox, key, disk, working_file, published,
    )  # fmt: skip
    for look in looks:
        try:
            yield from look(settings, root)
        except UserError as error:
            yield Check(look.__name__.replace("_", " "), "problem", error.what, error.next_step)


def number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def versions() -> Iterator[Check]:
    mine = ".".join(str(part) for part in sys.version_info[:3])
    state = "ok" if sys.version_info >= (3, 11) else "problem"
    yield Check("python", state, mine, "" if state == "ok" else "Python 3.11 or later is needed.")
    for name, (least, below) in VERSIONS.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(name, "problem", "is not installed", "pip install -r requirements.txt")
            continue
        is_tested = number(least) <= number(found) < number(below)
        advice = f"Tested from {least} on, below {below}." if not is_tested else ""
        yield Check(name, "ok" if is_tested else "advice", found, advice)
    if not Path(sys.executable).with_name("dbt").exists():
        what = f"there is no dbt beside {sys.executable}"
        yield Check("dbt", "problem", what, "pip install -r requirements.txt")


def seeds(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.seeds.validate import validate

    rows, faults = validate(root / "seeds" / "scoring")
    if faults:
        text = f"{len(faults)} faults in seeds/scoring"
        yield Check("seeds", "problem", text, "customer-health validate")
    else:
        yield Check("seeds", "ok", f"{len(rows)} files, {sum(rows.values()):,} rows")


def inputs(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.inputs.raw_files import read_contract

    if not settings.raw.is_dir():
        text = f"{settings.raw} is not a folder"
        yield Check("raw inputs", "problem", text, "Set HEALTH_RAW_DIR, or put files there.")
        return
    names = [one.name for one in read_contract()]
    there = [name for name in names if (settings.raw / name).is_dir()]
    text = f"{len(there)} of {len(names)} inputs in {settings.raw}"
    if settings.is_sample():
        yield Check("raw inputs", "advice", f"{text}: the sample", "HEALTH_RAW_DIR names your own.")
    else:
        missing = [name for name in names if name not in there]
        advice = f"Not there: {', '.join(missing)}." if missing else ""
        yield Check("raw inputs", "advice" if missing else "ok", text, advice)


def inbox(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.refresh import inbox

    if odd := [*inbox.unexpected_files(settings), *map(str, inbox.set_aside_files(settings))]:
        text = f"{len(odd)} entries are not landed: {odd[0]}"
        yield Check("inbox", "advice", text, "customer-health refresh --dry-run names all.")
    else:
        yield Check("inbox", "ok", str(settings.inbox))


def key(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.refresh import privacy

    found = privacy.read_key(settings.raw)
    if found is None:
        text = "HEALTH_PSEUDONYM_KEY is not set: user ids are landed as they are"
        yield Check("key", "advice", text, "customer-health make-key")
        return
    if found.weakness:
        yield Check("key", "advice", f"it {found.weakness}", "docs/operations.md, The key")
        return
    file = os.environ.get(privacy.FILE_VARIABLE)
    if file and stat.S_IMODE(Path(file).stat().st_mode) & 0o077:
        yield Check("key", "problem", f"others can read {file}", f"chmod 600 {file}")
        return
    yield Check("key", "ok", "set")


def disk(settings: Settings, root: Path) -> Iterator[Check]:
    for what, path in (("working file", settings.warehouse), ("published", settings.publish)):
        there = next(one for one in (path, *path.parents) if one.exists())
        free = shutil.disk_usage(there).free
        state = "ok" if free >= LEAST_FREE_BYTES else "problem"
        advice = "" if state == "ok" else "Free some space."
        yield Check("disk", state, f"{free / 1e9:,.1f} GB free for the {what}", advice)
        if not os.access(there, os.W_OK):
            yield Check("disk", "problem", f"this user may not write to {there}", "Fix its rights.")


def working_file(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.warehouse import open_warehouse, unfinished_run

    if not settings.warehouse.exists():
        text = f"{settings.warehouse} is not built yet"
        yield Check("working file", "advice", text, "customer-health build")
        return
    with open_warehouse(settings.warehouse) as connection:
        if words := unfinished_run(connection):
            yield Check("working file", "advice", words, "customer-health build")
        else:
            yield Check("working file", "ok", str(settings.warehouse))


def published(settings: Settings, root: Path) -> Iterator[Check]:
    from customer_health.refresh import locking, publishing

    run_id = publishing.current_run(settings)
    if not run_id:
        text = f"nothing is published in {settings.publish}"
        yield Check("published", "advice", text, "customer-health refresh")
        return
    if damaged := publishing.damaged_file(settings.versions / run_id):
        text = f"{damaged} of run {run_id} is damaged"
        yield Check("published", "problem", text, "customer-health rollback")
    else:
        yield Check(
            "published", "ok", f"run {run_id}, of {len(publishing.versions(settings))} kept"
        )
    if pin := publishing.read_pin(settings):
        yield Check("pin", "advice", pin.in_words(), "customer-health rollback --unpin ends it.")
    holder = locking.read_holder(settings.lock)
    if holder and locking.is_dead(holder):
        text = f"{locking.in_words(holder)} was killed"
        yield Check("lock", "advice", text, "The next refresh goes on from there.")
