"""What is removed is removed by its exact name, and only where nothing else can lie."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from customer_health import settings
from customer_health.errors import UserError
from customer_health.refresh import erasing, landing, publishing
from customer_health.settings import Settings
from place import Place
from project import ROOT, write_csv, write_two_accounts
from versions import RUNS, make_current, new_places, write_version

ACCOUNT = "acct-of-the-erased"


def installation(folder: Path) -> Place:
    """A folder for all: the working file `health` beside `health_raw` and `health_backups`."""
    place = Place(
        folder,
        {
            "HEALTH_WAREHOUSE": str(folder / "health"),
            "HEALTH_RAW_DIR": str(folder / "health_raw"),
            "HEALTH_PUBLISH_DIR": str(folder / "health_published"),
        },
    )
    raw = folder / "health_raw"
    write_csv(raw, "accounts", ["account_id,created_at", f"{ACCOUNT},2026-01-01", "a2,2026-01-01"])
    (raw / ".erased.json").write_text('{"key": "", "accounts": [], "users": []}')
    duckdb.connect(str(folder / "health")).close()
    return place


def test_erasing_leaves_what_only_begins_like_the_working_file(tmp_path: Path) -> None:
    place = installation(tmp_path)
    kept = {
        tmp_path / "health_raw" / "notes.txt": "mine",
        tmp_path / "health_backups" / "2026.txt": "mine",
        tmp_path / "health.txt": "mine",
        tmp_path / "health.tmp" / "mine.txt": "mine",
        tmp_path / "health.damaged-by-me": "mine",
        tmp_path / "health.wal.old": "mine",
        tmp_path / "health_published" / "runs" / "notes" / "mine.txt": "mine",
        tmp_path / "health_published" / "versions" / "mine" / "manifest.json": "{}",
        tmp_path / "health_published" / "versions" / ".mine" / "mine.txt": "mine",
    }
    gone = {
        tmp_path / "health.wal.checkpoint": "",
        tmp_path / f"health.damaged-{RUNS[0]}": "",
        tmp_path / "health.tmp" / "duckdb_temp_storage_S32K-0.tmp": "",
        tmp_path / "health_published" / "runs" / RUNS[0] / "report.json": "{}",
        tmp_path / "health_published" / "versions" / f".{RUNS[0]}" / "a.parquet": "",
    }
    for path, text in (kept | gone).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = place.run("erase.py", "--account", ACCOUNT)

    assert done.code == 0, done.err
    assert not [path for path in kept if not path.exists()]
    assert not [path for path in gone if path.exists()]
    assert not (tmp_path / "health").exists()
    assert (tmp_path / "health_raw" / "accounts" / "accounts.csv").read_text().count("\n") == 2


def test_a_copy_beside_the_working_file_that_holds_it_is_named(tmp_path: Path) -> None:
    place = installation(tmp_path)
    copies = [tmp_path / "health_backups" / "old.csv", tmp_path / "health.txt"]
    for path in copies:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"account_id\n{ACCOUNT}\n")
    done = place.run("erase.py", "--account", ACCOUNT)

    assert done.code == 1
    assert all(f"{path}\n" in done.out for path in copies)
    assert all(path.exists() for path in copies)


@pytest.mark.parametrize(
    "names, words",
    [
        ({"raw": "d", "inbox": "d"}, "HEALTH_RAW_DIR ({}/d) lies in HEALTH_INBOX_DIR ({}/d)"),
        ({"raw": "d/in"}, "HEALTH_RAW_DIR ({}/d/in) lies in HEALTH_INBOX_DIR ({}/d)"),
        ({"inbox": "raw/in"}, "HEALTH_INBOX_DIR ({}/raw/in) lies in HEALTH_RAW_DIR ({}/raw)"),
        ({"inbox": "link"}, "HEALTH_RAW_DIR ({}/raw) lies in HEALTH_INBOX_DIR ({}/raw)"),
        ({"inbox": "link/in"}, "HEALTH_INBOX_DIR ({}/raw/in) lies in HEALTH_RAW_DIR ({}/raw)"),
        ({"raw": "w.duckdb.tmp"}, "HEALTH_RAW_DIR ({}/w.duckdb.tmp) lies in {}/w.duckdb.tmp"),
        ({"publish": "w.duckdb.wal"}, "HEALTH_PUBLISH_DIR ({}/w.duckdb.wal) lies in"),
        ({"warehouse": "link"}, "HEALTH_WAREHOUSE ({}/link) is a folder, not a file"),
        ({"warehouse": "raw/w"}, "HEALTH_WAREHOUSE ({}/raw/w) lies in HEALTH_RAW_DIR"),
    ],
)
def test_places_that_are_mixed_up_are_refused(
    tmp_path: Path, names: dict[str, str], words: str
) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    default = {"raw": "raw", "inbox": "d", "warehouse": "w.duckdb", "publish": "p"}
    mixed_up = Settings(**{name: tmp_path / path for name, path in (default | names).items()})
    with pytest.raises(UserError) as stop:
        mixed_up.refuse_mixed_up()

    assert stop.value.code == 2
    assert words.format(tmp_path, tmp_path) in stop.value.what


@pytest.mark.parametrize(
    "folder, words",
    [
        ("target/raw", "lies in a folder of the project"),
        ("logs", "lies in a folder of the project"),
        ("models", "lies in a folder of the project"),
        ("sample_data/accounts", "lies in a folder of the project"),
        (".", "holds the project itself"),
        ("..", "holds the project itself"),
    ],
)
def test_no_place_is_a_folder_of_the_project(folder: str, words: str) -> None:
    for name in ("raw", "inbox", "publish"):
        default = {"raw": "raw", "inbox": "d", "warehouse": "w.duckdb", "publish": "p"}
        # Not below tmp_path: the project may have been cloned beside it.
        given = {one: Path("/elsewhere") / path for one, path in default.items()}
        with pytest.raises(UserError, match=words):
            Settings(**(given | {name: ROOT / folder})).refuse_mixed_up()


def test_places_that_begin_alike_are_fine(tmp_path: Path) -> None:
    names = ("health_raw", "health_inbox", "health", "health_published")
    Settings(*(tmp_path / name for name in names)).refuse_mixed_up()
    default = Settings(
        ROOT / "sample_data", ROOT / "inbox", ROOT / "warehouse/x.duckdb", ROOT / "published"
    )
    default.refuse_mixed_up()


@pytest.mark.parametrize(
    "command", [["erase.py", "--user", "ana@example.com"], ["rollback.py"], ["refresh.py"]]
)
def test_every_command_that_writes_refuses_places_that_are_mixed_up(
    tmp_path: Path, command: list[str]
) -> None:
    place = Place(tmp_path, {"HEALTH_PUBLISH_DIR": str(tmp_path / "raw" / "published")})
    done = place.run(*command)

    assert done.code == 2
    assert "lies in HEALTH_RAW_DIR" in done.err
    assert not list(tmp_path.iterdir())


def test_what_only_reads_refuses_them_too(tmp_path: Path) -> None:
    place = Place(tmp_path, {"HEALTH_WAREHOUSE": str(tmp_path / "raw" / "w.duckdb")})

    for command in (["explain.py", "a1"], ["show_health.py"]):
        done = place.run(*command)
        assert done.code == 2
        assert "lies in HEALTH_RAW_DIR" in done.err


def test_old_runs_are_removed_and_nothing_that_a_person_put_beside_them(tmp_path: Path) -> None:
    where = new_places(tmp_path)
    for name in [*RUNS, "notes", "000001-copy", f"{RUNS[0]}.bak"]:
        (where.runs / name).mkdir(parents=True)
    (where.runs / "a-file").touch()
    publishing.keep_newest_runs(where, 1)

    left = {path.name for path in where.runs.iterdir()}
    assert left == {RUNS[-1], "notes", "000001-copy", f"{RUNS[0]}.bak", "a-file"}


def test_versions_of_a_person_are_neither_kept_nor_removed_as_ours(tmp_path: Path) -> None:
    where = new_places(tmp_path)
    for run in RUNS[:2]:
        make_current(where, write_version(where, run))
    by_hand = where.versions / "before-the-move"
    shutil.copytree(where.versions / RUNS[0], by_hand)
    bare = where.versions / RUNS[3]
    bare.mkdir()
    told = publishing.finish(where)
    publishing.keep_newest(where, 1)

    assert [text for text in told if "before-the-move is no version; it is left" in text]
    assert [text for text in told if f"{RUNS[3]} has no manifest.json" in text]
    left = {path.name for path in where.versions.iterdir()}
    assert left == {RUNS[1], "before-the-move", RUNS[3]}


def test_half_written_batches_are_removed_by_their_exact_name(tmp_path: Path) -> None:
    where = new_places(tmp_path)
    folder = where.raw / "accounts"
    folder.mkdir(parents=True)
    name = "batch-000001-0123456789abcdef"
    for file in (f"{name}.landing", f"{name}.parquet.landing", "mine.landing", "x.csv.landing"):
        (folder / file).touch()
    landing.clear_unfinished(where.raw)

    assert {path.name for path in folder.iterdir()} == {"mine.landing", "x.csv.landing"}


def test_dbts_own_files_are_removed_from_its_folders_and_no_others(tmp_path: Path) -> None:
    where = new_places(tmp_path / "place")
    root = tmp_path / "project"
    for file in ("target/run/a.sql", "target/manifest.json", "logs/dbt.log", "logs/dbt.log.1",
                 "target/mine/a.txt", "target/notes.txt", "logs/mine.log"):  # fmt: skip
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    erasing.erase_artifacts(where, root, erasing.Receipt("account", ""))

    left = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert left == {"target/mine/a.txt", "target/notes.txt", "logs/mine.log"}


def test_make_clean_leaves_what_cannot_be_built_again(tmp_path: Path) -> None:
    kept = ("warehouse/published/manifest.json", "warehouse/notes.txt")
    gone = (
        "warehouse/mine.duckdb",
        "warehouse/mine.duckdb.wal",
        "warehouse/spark/raw/a.parquet",
        "target/manifest.json",
        "logs/dbt.log",
        "build/benchmark/data.json",
    )
    for file in kept + gone:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    subprocess.run(["make", "-f", ROOT / "Makefile", "clean"], cwd=tmp_path, check=True)

    assert not [file for file in kept if not (tmp_path / file).exists()]
    assert not [file for file in gone if (tmp_path / file).exists()]


def test_the_baseline_replaces_nothing_but_its_own_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "baseline.py", "--raw-dir", tmp_path, "--run-date",
         "2026-10-01", "--to", mine], capture_output=True, text=True
    )  # fmt: skip

    assert done.returncode == 2
    assert "is no DuckDB file; it is left as it is" in done.stderr
    assert mine.read_text() == "mine"


def test_spark_copies_are_not_put_where_the_raw_files_are(tmp_path: Path) -> None:
    write_two_accounts(tmp_path / "raw" / "raw", "login")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "load_raw.py", "--target", "spark", "--raw",
         tmp_path / "raw" / "raw"],
        env={**os.environ, "HEALTH_SPARK_DIR": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 2
    assert "where the raw files are" in done.stderr


def test_the_names_of_runs_are_what_the_refresh_makes() -> None:
    assert settings.RUN_ID.fullmatch("000041-20260930T020004Z")
    assert not settings.RUN_ID.fullmatch("000041-20260930T020004Z.bak")
