"""scripts/validate.py finds every fault of the seeds, says where, and never falls over."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from broken_seeds import CASES, SEEDS, Broken, Edit, also, cell, copy_seeds, replaced
from customer_health.seeds import files, rules, sql, validate
from customer_health.seeds.files import Fault, Row, read_condition, read_seeds, span
from project import ROOT

SCRIPT = ROOT / "scripts" / "validate.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)


def test_the_shipped_seeds_are_good() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().endswith("rows: nothing wrong")
    assert run("--quiet").stdout == ""


@pytest.fixture(scope="module")
def seen() -> dict[str, set[str]]:
    """The rules that each broken configuration was found to break."""
    return {}


def break_and_validate(case: Broken, folder: Path) -> tuple[dict[str, int], list[Fault]]:
    case.edit(copy_seeds(folder))
    return validate.validate(folder)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_broken_is_found_and_nothing_else(
    case: Broken, seen: dict[str, set[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "seeds"
    rows, faults = break_and_validate(case, folder)
    seen.setdefault(case.name, set()).update(fault.rule for fault in faults)
    found = [(fault.file, fault.row, fault.column) for fault in faults]
    assert sorted(found, key=str) == sorted((f[:3] for f in case.faults), key=str)
    for file, row, column, words in case.faults:
        [fault] = [f for f in faults if (f.file, f.row, f.column) == (file, row, column)]
        place = f"{span([row, *fault.also_in_rows])}: " if row else ""
        assert words in f"{place}{fault.fault}: {fault.hint}"
        assert fault.hint
    report = validate.as_text(folder, rows, faults)
    assert report.isprintable() or all(line.isprintable() for line in report.split("\n"))
    assert max(map(len, report.replace(str(folder), "").split("\n"))) <= 130


def test_every_rule_is_seen_to_fail(seen: dict[str, set[str]], tmp_path: Path) -> None:
    """Each rule that the sources can report, and each of data_tests/seeds, is reported by at least
    one broken configuration."""
    sources = [validate.__file__, rules.__file__, files.__file__]
    tests = {path.stem for path in (ROOT / "data_tests" / "seeds").glob("*.sql")}
    text = "".join(Path(path).read_text() for path in sources)
    for at, case in enumerate(CASES):
        if case.name not in seen:  # where only this test runs, or tests are spread
            _, faults = break_and_validate(case, tmp_path / str(at))
            seen[case.name] = {fault.rule for fault in faults}
    broken = set().union(*seen.values())
    made = set(re.findall(r'(?:CellError\(|\.fault\(|Fault\(|[^.]fault\(|rule = )\s*"(\w+)"', text))
    made |= set(re.findall(r'rule = "\w+", "(\w+)"', text))
    assert made - broken <= {"file_unreadable", "yaml"}, made - broken
    assert tests
    assert tests <= broken, f"tests/data/broken_seeds.yml has no case for {tests - broken}"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("selec 1", "syntax error"),
        ("select {{ metric_columns() }}", "'metric_columns' is undefined"),
        ("select {{ ref('grades' }}", "unexpected"),
        ("select grade as row_key from {{ ref('grades') }}", "have no seed, column_name, fault"),
        (
            "select 'grade' as seed, null as row_key, '' as column_name, 'a' as fault, 'b' as hint"
            " from {{ ref('grades') }}",
            "'grade'",
        ),
    ],
)
def test_a_rule_that_cannot_be_run_is_a_fault(
    rule: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the validator would say that nothing is wrong. The others are run all the same."""
    own = copy_rules(tmp_path, monkeypatch)
    (own / "assert_all_is_well.sql").write_text(rule)
    folder = copy_seeds(tmp_path / "seeds")
    cell("scorecard_metrics", 2, "weight", "15")(folder)
    found = {fault.rule: fault for fault in validate.validate(folder)[1]}
    assert set(found) == {"rule", "assert_weights_sum_to_100"}
    assert "the rule assert_all_is_well cannot be run: " in found["rule"].fault
    assert said in found["rule"].fault


def test_a_rule_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = copy_rules(tmp_path, monkeypatch)
    (own / "assert_no_label_is_short.sql").write_text(
        """
        select 'grades' as seed, grade as row_key, 'label' as column_name,
            label || ' has fewer than 8 letters' as fault, 'write more' as hint
        from {{ ref('grades') }} where length(label) < 8
        """
    )
    found = validate.validate(copy_seeds(tmp_path / "seeds"))[1]
    assert [(f.rule, f.row, f.column, f.fault) for f in found] == [
        ("assert_no_label_is_short", 3, "label", "Healthy has fewer than 8 letters"),
        ("assert_no_label_is_short", 4, "label", "Watch has fewer than 8 letters"),
        ("assert_no_label_is_short", 5, "label", "At risk has fewer than 8 letters"),
    ]


def copy_rules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the rules and their macros, which the validator takes instead of the project's."""
    shutil.copytree(ROOT / "macros", folder / "macros")
    own = Path(shutil.copytree(ROOT / "data_tests" / "seeds", folder / "data_tests" / "seeds"))
    monkeypatch.setattr(sql, "rules_folder", lambda: own)
    return own


def test_the_command_starts_without_a_database() -> None:
    code = "import sys, customer_health.seeds.validate, customer_health.cli\n"
    code += "sys.exit('duckdb' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts").returncode == 0


def test_the_report_for_machines(tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    path = folder / "features.csv"
    path.write_text(path.read_text().replace("false", "no"))
    done = run(folder, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 2
    assert report["rows"]["features.csv"] == 18
    assert {fault["rule"] for fault in report["faults"]} == {"boolean"}
    assert report["faults"][0] | {"also_in_rows": []} == {
        "rule": "boolean",
        "file": "features.csv",
        "row": 2,
        "column": "is_core",
        "fault": '"no" is neither true nor false',
        "hint": "write true, false, or nothing where blank is allowed",
        "also_in_rows": [],
    }
    assert report["faults"][0]["also_in_rows"][:2] == [7, 10]


def test_a_flood_is_cut_short(tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    path = folder / "scorecard_metrics.csv"
    lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    for number, row in enumerate(cells[1:]):
        row[5] = f"x{number}"
    path.write_text("".join(",".join(row) + "\n" for row in cells))
    rows, faults = validate.validate(folder)
    report = validate.as_text(folder, rows, faults)
    assert len(faults) == 200
    assert "and 195 more of this kind" in report
    assert len(report.splitlines()) < 20


def test_wrong_use_names_the_next_step(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere")
    assert done.returncode == 2
    assert "there is no folder" in done.stderr
    assert "examples:" in run("--help").stdout


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        if path.name == "grades.csv":
            raise PermissionError(13, "Permission denied")
        return read(path)

    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", refuse)
    [fault] = validate.validate(copy_seeds(tmp_path / "seeds"))[1]
    assert fault.fault == "the file cannot be read: Permission denied"


@pytest.mark.parametrize("content", ["seeds: [", "seeds: 3", "seeds:\n  - columns: [x]", "- a: b"])
def test_a_broken_yaml_is_a_fault(content: str, tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    (folder / "_scoring__seeds.yml").write_text(content)
    assert validate.validate(folder)[1]


def test_drafts_without_yaml_are_held_against_the_project(tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    (folder / "_scoring__seeds.yml").unlink()
    assert validate.validate(folder)[1] == []


def test_a_new_seed_needs_its_yaml_only(tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    (folder / "_more__seeds.yml").write_text(
        """
seeds:
  - name: campaigns
    config: {column_types: {campaign: varchar, metric: varchar, days: integer, note: varchar}}
    columns:
      - {name: campaign, data_tests: [unique, not_null]}
      - name: metric
        data_tests:
          - relationships:
              arguments: {to: ref('metrics'), field: metric}
              config: {where: "metric <> '*' and days is not null"}
      - name: days
      - name: note
    data_tests:
      - table_checks:
          arguments:
            has_rows: true
            checks:
              - {columns: [campaign], plain_name: true}
              - {columns: [days], at_least: 1}
              - {columns: [days], at_most: 7, where: "metric in ('*', 'nps_180d')"}
              - {columns: [note], not_null: true, where: "campaign not in ('wait', 'write')"}
"""
    )
    path = folder / "campaigns.csv"
    path.write_text("campaign,metric,days,note\ncall,nps_180d,7,Call; then write\nwait,*,3,\n")
    assert validate.validate(folder)[1] == []
    path.write_text("campaign,metric,days,note\ncall,nps,0,x\ncall,x,,x\nwrite,nps,9,\n")
    found = [(fault.rule, fault.row) for fault in validate.validate(folder)[1]]
    # Of row 2 the metric, of row 3 (no days, so it is not looked at) the key; said once for row 4.
    assert sorted(found) == [("relationships", 2), ("repeated", 3), ("within_range", 2)]
    path.write_text("campaign,metric,days,note\ncall,*,8,\nTell all,nps_180d,7,x\nwait,,8,\n")
    found = [(fault.rule, fault.row) for fault in validate.validate(folder)[1]]
    assert sorted(found) == [("not_null", 2), ("plain_name", 3), ("within_range", 2)]
    path.write_text("campaign,metric,days,note\n")
    assert [fault.rule for fault in validate.validate(folder)[1]] == ["has_rows"]


@pytest.mark.parametrize(
    "check",
    [
        {"columns": ["feature"], "unique": True},
        {"unique": "feature"},
        {"unique": ["feature"], "not_null": True},
        {"not_null": True},
        {"columns": ["feature"], "references": "ref('metrics')"},
    ],
    ids=str,
)
def test_a_check_in_a_shape_that_is_not_known_is_refused(
    check: dict[str, object], tmp_path: Path
) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    tests = [{"table_checks": {"arguments": {"checks": [check]}}}]
    seeds = {"seeds": [{"name": "features", "data_tests": tests}]}
    (folder / "_more__seeds.yml").write_text(yaml.safe_dump(seeds))
    [fault] = validate.validate(folder)[1]
    assert "the check {" in fault.fault and "of features is not understood" in fault.fault
    assert "dbt parse says more" in fault.hint


@pytest.mark.parametrize(
    "condition",
    [
        "days > 3",
        "kind = 'a' or kind = 'b'",
        "kind = a",
        "kind in ()",
        "kind in ('a' 'b')",
        "kind = 'a' and",
        "and kind = 'a'",
        "lower(kind) = 'a'",
        "kind is null and days between 1 and 2",
    ],
)
@pytest.mark.parametrize("place", ["test", "check"])
def test_a_condition_that_is_not_understood_is_refused(
    condition: str, place: str, tmp_path: Path
) -> None:
    """Else the validator would hold the check for no row, and say that nothing is wrong."""
    folder = copy_seeds(tmp_path / "seeds")
    test = {"not_null": {"config": {"where": condition}}}
    check = {"columns": ["kind"], "not_null": True, "where": condition}
    cells = {"table_checks": {"arguments": {"checks": [check]}}}
    more = {
        "name": "features",
        "columns": [{"name": "kind", "data_tests": [test] if place == "test" else []}],
        "data_tests": [cells] if place == "check" else [],
    }
    (folder / "_more__seeds.yml").write_text(yaml.safe_dump({"seeds": [more]}))
    [fault] = validate.validate(folder)[1]
    assert fault.fault == (
        f'the condition "{condition}" of {"not_null" if place == "test" else "table_checks"}'
        " of features is not understood"
    )
    assert "joined by and" in fault.hint


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("", "a b blank"),
        ("kind = 'a'", "a"),
        ("kind <> 'a' and kind != 'c'", "b"),
        ("Kind_2 is null and kind IN ('b' , 'rock and roll')", "b"),
        ("kind not in ('b', 'c')", "a"),
        ("kind is null", "blank"),
        ("kind is not null", "a b"),
    ],
)
def test_a_condition_takes_the_rows_that_it_takes_in_sql(condition: str, taken: str) -> None:
    parts = read_condition(condition, "a test")
    rows = [Row(2, {"kind": "a"}, {"kind": "a"}), Row(3, {"kind": "b"}, {"kind": "b"})]
    rows.append(Row(4, {"kind": ""}, {"kind": None}))
    found = [row.cells["kind"] or "blank" for row in rows if rules.selected(row, parts)]
    assert found == taken.split()


@pytest.mark.parametrize(
    "edit",
    [
        cell("features", 2, "feature", "@mention"),
        cell("features", 2, "feature", "Select a plan from the list"),
        cell("grades", 2, "label", ""),
        cell("segments", 4, "industry", "Öl & Gas"),
        also(
            replaced("segments", "small_business", "SMB"),
            replaced("scorecard_metrics", "small_business", "SMB"),
        ),
    ],
    ids=["at sign", "words of SQL", "no label", "umlaut", "capitals"],
)
def test_what_is_unusual_but_sound_passes(edit: Edit, tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    edit(folder)
    assert validate.validate(folder)[1] == []


def test_the_yaml_says_enough_about_every_seed() -> None:
    """What the validator and dbt need: a type and text check per column, a key, known tests."""
    for seed in read_seeds(SEEDS).values():
        entry = next(
            entry
            for path in SEEDS.glob("*.yml")
            for entry in yaml.safe_load(path.read_text())["seeds"]
            if entry["name"] == seed.name
        )
        assert list(entry["config"]["column_types"]) == list(seed.types), seed.name
        assert {check.name for check in seed.checks} <= rules.KNOWN, seed.name
        assert {p.name for p in seed.checks} & {"unique"}, seed.name
        assert {p.column for p in seed.checks} <= {*seed.types, ""}, seed.name
        texts = [name for name, kind in seed.types.items() if kind == "varchar"]
        clean = [p.column for p in seed.checks if p.name == "clean_text"]
        assert sorted(clean) == sorted(texts), seed.name


@pytest.mark.parametrize("seed", range(8))
def test_no_bytes_make_it_fall_over(seed: int, tmp_path: Path) -> None:
    """Random edits of bytes, 50 per seed: always a list of faults, each with its place and hint."""
    chance = random.Random(seed)
    folder = copy_seeds(tmp_path / "seeds")
    paths = sorted(folder.glob("*.csv"))
    whole = {path: path.read_bytes() for path in paths}
    pieces = [b'"', b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe9", b"-", b"1e99"]
    pieces += [b"\xe2\x80\x8b", "\u0665".encode(), b"+.", b"{{", b"'", b";", b"9" * 60, b"", b"NaN"]
    for _ in range(50):
        for path in chance.sample(paths, 2):
            content = bytearray(whole[path])
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(content) + 1)
                span = chance.choice([0, 1, 1, 5, 200])
                noise = bytes(chance.randrange(256) for _ in range(3))
                content[at : at + span] = chance.choice([*pieces, noise])
            path.write_bytes(content)
        rows, faults = validate.validate(folder)
        assert all(isinstance(fault, Fault) and fault.hint and fault.fault for fault in faults)
        assert validate.as_text(folder, rows, faults).encode()
        for path in paths:
            path.write_bytes(whole[path])
