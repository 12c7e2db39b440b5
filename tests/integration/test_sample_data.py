"""The committed sample is what the generator writes, and the generator keeps its promises."""

import csv
from pathlib import Path

import duckdb
import generate_sample_data
import pytest
from project import ROOT
from sample.dirt import DIRT

LIMIT_BYTES = 2_200_000


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def ids(path: Path) -> set[str]:
    with path.open(encoding="utf-8") as file:
        return {row["account_id"].strip() for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample just large enough for all of the dirt."""
    raw = tmp_path_factory.mktemp("small")
    generate_sample_data.main(["--out", str(raw), "--accounts", "70"])
    return raw


def test_the_committed_sample_is_what_the_generator_writes(
    sample_dir: Path, tmp_path: Path
) -> None:
    assert generate_sample_data.main(["--out", str(tmp_path)]) == 0

    assert files(sample_dir) == files(tmp_path)
    for name in files(tmp_path):
        if name.endswith(".csv"):
            assert (sample_dir / name).read_bytes() == (tmp_path / name).read_bytes(), name
    usage = "usage_events/usage_events.parquet"
    kept, made = (f"(from '{folder / usage}')" for folder in (sample_dir, tmp_path))
    for one, other in ((kept, made), (made, kept)):
        [(differing,)] = duckdb.sql(
            f"select count(*) from (from {one} except all from {other})"
        ).fetchall()
        assert differing == 0
    assert sum((sample_dir / name).stat().st_size for name in files(sample_dir)) <= LIMIT_BYTES


def test_accounts_keep_their_rows_when_others_are_added(small: Path, sample_dir: Path) -> None:
    """Apart from the dirt: it looks for an account that has enough rows, and finds the same."""
    for name in files(small):
        if not name.endswith(".csv") or name.startswith("score_overrides"):
            continue
        fewer, more = (
            set((folder / name).read_text(encoding="utf-8").splitlines())
            for folder in (small, sample_dir)
        )
        assert fewer <= more, name


def test_a_sample_of_70_accounts_holds_all_of_the_dirt(small: Path, sample_dir: Path) -> None:
    keys = [key for fault in DIRT for name, key in fault.cells.items() if "-bad-" in key]
    text = "".join(path.read_text(encoding="utf-8") for path in small.rglob("*.csv"))

    assert len(keys) > 20
    assert [key for key in keys if f"{key}," not in text] == []
    rejected = "select count(*) from '{}' where event_id = '' or event_id like 'bad-%'"
    for folder in (small, sample_dir):
        path = folder / "usage_events" / "usage_events.parquet"
        [(found,)] = duckdb.sql(rejected.format(path)).fetchall()
        assert found == 5


def test_the_truth_is_written_beside_the_inputs_and_never_among_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, truth = tmp_path / "raw", tmp_path / "truth.csv"
    arguments = ["--out", str(raw), "--accounts", "40", "--months", "12"]
    assert generate_sample_data.main([*arguments, "--truth", str(truth)]) == 0

    with truth.open(encoding="utf-8") as file:
        decisions = list(csv.DictReader(file))
    assert list(decisions[0]) == [
        "account_id",
        "decision_date",
        "segment_kind",
        "behaviours",
        "leaving_probability",
        "left",
    ]
    assert {row["left"] for row in decisions} == {"true", "false"}
    assert {row["account_id"] for row in decisions} <= ids(raw / "accounts" / "accounts.csv")
    words = {word for row in decisions for word in row["behaviours"].split(";") if word}
    text = "".join(path.read_text(encoding="utf-8") for path in raw.rglob("*.csv"))
    assert words and not any(word in text for word in words)
    with pytest.raises(SystemExit):
        generate_sample_data.main([*arguments, "--truth", str(raw / "truth.csv")])
    assert "outside of --out" in capsys.readouterr().err


def test_the_sample_of_the_readme_is_described_right(sample_dir: Path) -> None:
    accounts = ids(sample_dir / "accounts" / "accounts.csv") - {"", "n/a"}
    invented = {name for name in accounts if name.removeprefix("acct_").isdigit()}
    stories = {name for name in accounts if not name.startswith("acct_")}
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())

    assert f"{len(invented)} invented accounts and [{len(stories)} with a story]" in readme
