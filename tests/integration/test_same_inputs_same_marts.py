"""Same inputs, same marts, byte for byte: whatever the threads and the order of the rows."""

import hashlib
import random
import shutil
from pathlib import Path

import duckdb
import pytest
from project import Run, build, copy_project


def fingerprints(warehouse: Path) -> dict[str, str]:
    """sha256 of every published table, its rows in order, as text."""
    found = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('marts', 'metrics')"
            " and table_name not in ('mart_status', 'fct_published_scores') order by all"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f"select * from {schema}.{table} order by all").fetchall()
            assert rows, f"{schema}.{table} is empty"
            found[f"{schema}.{table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found


def shuffled(raw_dir: Path, destination: Path) -> Path:
    """The same raw rows in another order, the usage in two files."""
    for folder in sorted(path for path in raw_dir.iterdir() if path.is_dir()):
        target = destination / folder.name
        target.mkdir(parents=True)
        for file in sorted(folder.iterdir()):
            if file.suffix == ".csv":
                header, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
                random.Random(7).shuffle(lines)
                (target / file.name).write_text(header + "".join(lines), encoding="utf-8")
            else:
                for part in (0, 1):
                    duckdb.sql(
                        f"copy (from '{file}' where hash(event_id) % 2 = {part}"
                        f" order by hash(event_at, event_id, user_id))"
                        f" to '{target / f'part_{part}.parquet'}'"
                    )
    return destination


@pytest.fixture(scope="module")
def expected(sample_run: Run) -> dict[str, str]:
    found = fingerprints(sample_run.warehouse)
    assert len(found) >= 12
    return found


def test_threads_and_row_order_change_nothing(
    expected: dict[str, str], sample_dir: Path, tmp_path: Path
) -> None:
    raw_dir = shuffled(sample_dir, tmp_path / "raw")
    run = build(raw_dir, tmp_path / "work", "--threads", "1")

    assert run.returncode == 0, run.output
    assert fingerprints(run.warehouse) == expected


def test_a_second_build_into_the_same_file_changes_nothing(
    expected: dict[str, str], sample_run: Run, sample_dir: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(sample_run.warehouse, work / "warehouse.duckdb")
    run = build(sample_dir, work)

    assert run.returncode == 0, run.output
    assert fingerprints(run.warehouse) == expected


def test_a_changed_threshold_is_noticed(
    expected: dict[str, str], sample_dir: Path, tmp_path: Path
) -> None:
    """The fingerprints can differ: one threshold moves scores and drivers, no metric."""
    project = copy_project(tmp_path / "project")
    seed = project / "seeds/scoring/scorecard_metrics.csv"
    text = seed.read_text()
    assert "trial,active_days_28d,16,linear,1,10," in text
    seed.write_text(
        text.replace(
            "trial,active_days_28d,16,linear,1,10,", "trial,active_days_28d,16,linear,1,11,"
        )
    )
    run = build(sample_dir, tmp_path / "work", project=project)

    assert run.returncode == 0, run.output
    changed = {
        name for name, value in fingerprints(run.warehouse).items() if value != expected[name]
    }
    assert changed == {
        "marts.customer_health",
        "marts.fct_health_alerts",
        "marts.fct_health_drivers",
        "marts.fct_health_scores",
        "marts.fct_recommended_actions",
        "marts.fct_score_changes",
        "marts.fct_scorecard_comparison",
        "marts.owner_health",
        "marts.parent_health",
        "marts.segment_health",
    }
