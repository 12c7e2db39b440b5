"""The how-tos do what they say: their edits fit the shipped files and their commands work."""

import re
import shutil
from pathlib import Path

import pytest
from project import ROOT, Run, copy_with_make, shell

HOW_TO = (ROOT / "docs/how_to.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^(?:`(?P<file>\S+)`\n\n```diff\n(?P<diff>.*?)```|```sh\n(?P<sh>.*?)```)", re.S | re.M
)


def apply_diff(path: Path, diff: str) -> None:
    """Replace the lines after - by those after +; added lines follow the line before them."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes(diff):
        assert text.count(old) == 1, f"docs/how_to.md: {path} does not have once:\n{old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def changes(diff: str) -> list[tuple[str, str]]:
    """Pairs of text before and after, one per run of lines that ends with an addition."""
    pairs, old, new = [], "", ""
    for line in diff.splitlines(keepends=True):
        if line[0] != "+" and new != old:
            pairs.append((old, new))
            old, new = "", ""
        old += line[1:] if line[0] != "+" else ""
        new += line[1:] if line[0] != "-" else ""
    return [*pairs, (old, new)]


def follow(heading: str, run: Run, folder: Path) -> tuple[Path, Run, str]:
    """Do what the section says in a copy of the project; the copy, its build and what was shown."""
    project = copy_with_make(folder / "project")
    # Views name the file they were made in, so the copy keeps its name.
    warehouse = project / "warehouse" / run.warehouse.name
    warehouse.parent.mkdir()
    shutil.copy(run.warehouse, warehouse)
    section = re.split(r"^## ", HOW_TO.split(f"## {heading}\n", 1)[1], flags=re.M)[0]
    steps = list(STEP.finditer(section))
    assert len(steps) == section.count("```") // 2 >= 2
    shown = ""
    for step in steps:
        if step["diff"]:
            apply_diff(project / step["file"], step["diff"])
        else:
            done = shell(step["sh"], project, HEALTH_WAREHOUSE=str(warehouse))
            assert done.returncode == 0, done.stdout + done.stderr
            shown += done.stdout
    return project, Run(0, shown, warehouse), shown


SCORES = (
    "select account_id, score_date, scorecard, segment, health_score"
    " from marts.fct_health_scores order by all"
)


def test_change_a_weight(sample_run: Run, tmp_path: Path) -> None:
    _, after, shown = follow("Change a weight", sample_run, tmp_path)

    assert "this folder against HEAD, on 2026-09-30; different: scorecard_metrics.csv" in shown
    pairs = zip(sample_run.rows(SCORES), after.rows(SCORES), strict=True)
    changed = {(a[2], a[3]) for a, b in pairs if a != b}
    assert changed == {("retention_2026", "small_business")}


def test_add_a_segment(sample_run: Run, tmp_path: Path) -> None:
    _, after, _ = follow("Add a segment", sample_run, tmp_path)

    moved = after.rows(
        "select distinct industry from marts.customer_health where segment = 'education'"
    )
    assert moved == [("Education",)]
    [(scored,)] = after.rows(
        "select count(health_score) from marts.customer_health where segment = 'education'"
    )
    assert scored > 3


def test_add_a_metric(sample_run: Run, tmp_path: Path) -> None:
    _, after, _ = follow("Add a metric", sample_run, tmp_path)

    [(rows, known)] = after.rows(
        "select count(*), count(metric_value) from marts.fct_health_drivers"
        " where metric = 'urgent_tickets_per_100_seats_90d'"
        " and segment = 'enterprise' and scorecard = 'retention_2026'"
    )
    assert rows >= known > 10


def test_an_edit_that_does_not_fit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "seed.csv"
    path.write_text("a,1\nb,2\n")
    apply_diff(path, "-a,1\n+a,3\n b,2\n+c,4\n")
    assert path.read_text() == "a,3\nb,2\nc,4\n"
    with pytest.raises(AssertionError, match="does not have once"):
        apply_diff(path, "-a,1\n+a,3\n")
