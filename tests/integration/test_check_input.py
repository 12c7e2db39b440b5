"""The check of a raw folder tells the truth before anything is built.

Its figures are those of the project's own models, its verdict on the folder is what a run does,
the metrics it declares lost are lost, and nothing of the data is printed but a few record keys.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from customer_health.inputs import check as check_input
from customer_health.inputs.check import Input, Report
from project import ROOT, Run, copy_project, dbt, write_csv

RUN_DATE = date(2026, 10, 1)
VARIABLES = {"run_date": RUN_DATE.isoformat(), "history_weeks": 8}
SAMPLE = ROOT / "sample_data"
USER = "canary-user@example.invalid"
NOTE = "canary note that nobody else may read"
METRIC_TABLES = ("metrics_usage", "metrics_support", "metrics_sentiment", "metrics_revenue")

CONTRACT = {item.name: item for item in check_input.read_contract()}
# Left in the lean sample: without it no subscription ends, so none is renewed either.
KEPT_COLUMN = ("subscriptions", "ended_at")


# ------------------------------------------------------------------------------- raw folders


def small_company(raw: Path) -> None:
    """Three required inputs without a fault: two accounts with a subscription and usage each."""
    write_csv(raw, "accounts", ["account_id,created_at", "a1,2026-01-01", "a2,2026-01-01"])
    write_csv(
        raw,
        "subscriptions",
        ["subscription_id,account_id,seats,started_at", "s1,a1,5,2026-01-01", "s2,a2,,2026-01-01"],
    )
    write_csv(
        raw,
        "usage_events",
        [
            "event_id,account_id,user_id,event_at,feature,duration_seconds",
            f"e1,a1,{USER},2026-09-01 10:00,login,",
            "e2,a2,u2,2026-09-01 11:00,login,n/a",
        ],
    )


def planted(raw: Path) -> Path:
    """The small company with faults in known places, and free text that must stay inside."""
    small_company(raw)
    long_key = "k" * 70
    write_csv(
        raw,
        "support_tickets",
        [
            "ticket_id,account_id,opened_at,priority,csat_score,comment",
            f"t1,a1,2026-09-01,urgent,5,{NOTE}",
            "t1,a1,2026-09-01,urgent,5,re-sent",
            f"t2,{USER},2026-09-01,low,,",
            "t3,a9,2026-09-01,low,,",
            "t3,a9,2026-09-02,low,,",
            "t5,a1,01.09.2026,low,,",
            ",a1,2026-09-01,low,,",
            f"t6,a1,2026-09-01,{NOTE},9,",
            f"{long_key},a1,2026-09-01,low,0,",
        ],
    )
    write_csv(raw, "survey_responses", ["response_id,account_id,responded_at,survey_type,score"])
    place = raw / "csm_assessments" / "csm_assessments.parquet"
    place.parent.mkdir()
    duckdb.sql(
        f"""
        select 'c' || n as assessment_id, 'a1' as account_id, timestamp '2026-09-01' as assessed_at,
            cast(n as double) as sentiment, '{NOTE}' as note
        from range(4, 8) as numbers (n)
        """
    ).write_parquet(str(place))
    return raw


def gappy(raw: Path) -> Path:
    """Accounts missing, subscriptions without account_id, broken surveys; the rest readable."""
    small_company(raw)
    shutil.rmtree(raw / "accounts")
    write_csv(raw, "subscriptions", ["subscription_id,account,started_at", "s1,a1,2026-01-01"])
    write_csv(
        raw,
        "survey_responses",
        ["response_id;account_id;responded_at;survey_type;score", "r1;a1;2026-09-01;nps;9"],
    )
    header = "invoice_id,account_id,issued_at,amount,kind"
    write_csv(
        raw,
        "invoices",
        [
            header,
            "i1,a1,2026-09-01,10,recurring",
            "i1,a1,2026-09-01,10,recurring",
            "i2,a9,,1,credit",
        ],
    )
    write_csv(raw, "ticket", ["ticket_id,account_id,opened_at"])
    (raw / "score_overrides.csv").write_text("override_id\n")
    (raw / "usage_events" / "readme.txt").write_text(NOTE)
    return raw


def clashing(raw: Path) -> Path:
    """Two usage files whose event_count is a number in one and something else in the other."""
    small_company(raw)
    shutil.rmtree(raw / "usage_events")
    (raw / "usage_events").mkdir()
    for number, count in enumerate(("1", f"{{'of': '{USER}'}}")):
        duckdb.sql(
            f"select 'e' as event_id, 'a1' as account_id, timestamp '2026-09-01' as event_at,"
            f" 'login' as feature, {count} as event_count"
        ).write_parquet(str(raw / "usage_events" / f"{number}.parquet"))
    return raw


def faulty(raw: Path) -> Path:
    """Every input broken in a way of its own."""
    parts = {name: ",".join(c.name for c in CONTRACT[name].columns) for name in CONTRACT}
    write_csv(raw, "accounts", [parts["accounts"].replace(",", ";")])
    write_csv(raw, "subscriptions", [parts["subscriptions"].replace(",account_id", "")])
    write_csv(raw, "usage_events", [parts["usage_events"]])
    (raw / "usage_events" / "more.parquet").write_bytes(b"PAR1")
    write_csv(raw, "support_tickets", [parts["support_tickets"], "t1,a1"])
    write_csv(raw, "survey_responses", [])
    write_csv(raw, "invoices", [parts["invoices"]])
    with (raw / "invoices" / "invoices.csv").open("ab") as file:
        file.write(b"i1,a1,2026-09-01,,,1,\xff\xfe,credit,\n")
    write_csv(raw, "csm_assessments", [f"c1,a1,2026-09-01,4,{USER},{NOTE}"])
    write_csv(raw, "score_overrides", [parts["score_overrides"], 'o1,a1,50,"agreed,me,,'])
    return raw


def without_columns(path: Path, lost: list[str]) -> None:
    """Write a raw file again, without some of its columns."""
    source = duckdb.sql(
        f"select * exclude ({', '.join(lost)}) from '{path}'"
        if path.suffix == ".parquet"
        else f"select * exclude ({', '.join(lost)}) from read_csv('{path}', all_varchar = true)"
    )
    changed = path.with_suffix(".new")
    write = source.write_parquet if path.suffix == ".parquet" else source.write_csv
    write(str(changed))
    changed.rename(path)


def lean_sample(raw: Path) -> Path:
    """The sample without optional columns, but for one."""
    shutil.copytree(SAMPLE, raw)
    for name, item in CONTRACT.items():
        optional = [column.name for column in item.columns if not column.required]
        lost = [column for column in optional if (name, column) != KEPT_COLUMN]
        for path in list((raw / name).iterdir()) if lost else []:
            without_columns(path, lost)
    return raw


# ------------------------------------------------------------------------------- shared runs


def command(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "check_input.py"
    # What the user's shell says about another warehouse must not matter.
    environment = os.environ | {"HEALTH_RAW_DIR": "elsewhere", "DBT_WARN_ERROR": "true"}
    environment |= {"HEALTH_WAREHOUSE": "an odd#folder/elsewhere.duckdb"}
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@dataclass(frozen=True)
class Built:
    """What runs of the project itself say: the sample's reconciliation, {metric: (known values,
    largest value)} of the lean sample, and the run on the faulty folder."""

    sample: dict[str, list[int]]
    lean: dict[str, tuple[int, Decimal | None]]
    faulty: Run


def build_all(lean: Path, faulty: Path, workspace: Path) -> Built:
    """Build three folders one after the other, so that dbt parses the project once."""

    def built(raw: Path, *selected: str) -> Run:
        options = ("--exclude-resource-type", "test", "unit_test")
        arguments = ("build", "--select", *selected, *options)
        return dbt(*arguments, raw_dir=raw, workspace=workspace, variables=VARIABLES)

    run = built(SAMPLE, "+source_reconciliation")
    assert run.returncode == 0, run.output
    sample = {name: counts for name, *counts in run.rows("from marts.source_reconciliation")}
    run = built(lean, *(f"+{table}" for table in METRIC_TABLES))
    assert run.returncode == 0, run.output
    metrics: dict[str, tuple[int, Decimal | None]] = {}
    for table in METRIC_TABLES:
        names = [name for name, *_ in run.rows(f"describe metrics.{table}")][2:]
        wanted = ", ".join(f"(count({name}), max({name}))" for name in names)
        (values,) = run.rows(f"select {wanted} from metrics.{table}")
        metrics |= dict(zip(names, values, strict=True))
    return Built(sample, metrics, built(faulty, "input_accounts"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future]]:
    """Every run that takes seconds, two at a time."""
    base = tmp_path_factory.mktemp("check_input")
    lean, faults = lean_sample(base / "lean"), faulty(base / "faulty")
    sample = ("../sample_data", "--run-date", RUN_DATE.isoformat())
    with ThreadPoolExecutor(2) as pool:
        yield {
            "built": pool.submit(build_all, lean, faults, base / "built"),
            "sample command": pool.submit(command, *sample, cwd=ROOT / "scripts"),
            "lean": pool.submit(check_input.check, lean, RUN_DATE),
            "planted": pool.submit(check_input.check, planted(base / "planted"), RUN_DATE, 2),
            "gappy command": pool.submit(command, str(gappy(base / "gappy")), "--json"),
            "clashing": pool.submit(check_input.check, clashing(base / "clashing"), RUN_DATE),
            "faulty": pool.submit(check_input.check, faults, RUN_DATE),
        }


def inputs_of(report: Report) -> dict[str, Input]:
    return {item.name: item for item in report.inputs}


def table_of(text: str) -> dict[str, list[str]]:
    """The summary table of a printed report: {input: the other cells}."""
    lines = [line.split() for line in text.split("\n\n")[1].splitlines()]
    return {name: cells for name, *cells in lines[1:]}


# ------------------------------------------------------------------------------- good data


def test_sample_builds_and_the_figures_are_those_of_the_models(runs: dict[str, Future]) -> None:
    done: subprocess.CompletedProcess[str] = runs["sample command"].result()
    built: Built = runs["built"].result()
    assert done.returncode == 0, done.stdout + done.stderr
    figures = {
        name: [int(cell.replace(",", "")) for cell in cells[-5:]]
        for name, cells in table_of(done.stdout).items()
    }
    assert figures == built.sample
    assert sum(rejected for *_, rejected, _ in built.sample.values()) > 0
    assert "The project builds on this folder" in done.stdout
    # The sample holds every fault that there is a word for.
    assert all(f"\n  {reason} " in done.stdout for reason in check_input.REASONS)
    assert "Null for every account" not in done.stdout


# ------------------------------------------------------------------------------- lost metrics


def test_metrics_said_to_be_lost_are_lost_and_the_others_are_not(runs: dict[str, Future]) -> None:
    report: Report = runs["lean"].result()
    built: Built = runs["built"].result()
    null = {metric for metric, (known, _) in built.lean.items() if known == 0}
    zero = {metric for metric, (known, largest) in built.lean.items() if known and largest == 0}
    effects = [effect for item in report.inputs for effect in item.effects]
    assert set(report.null_metrics) == null
    assert {metric for effect in effects for metric in effect.zero_metrics} - null == zero
    assert null and zero
    known = {lost[:2] for lost in check_input.LOST if lost[1]} - {KEPT_COLUMN}
    assert {f"no column {column}" for _, column in known} == {e.cause for e in effects}
    assert report.would_build


def test_lost_metrics_follow_the_catalogue_and_the_contract() -> None:
    with (ROOT / "seeds" / "scoring" / "metrics.csv").open(encoding="utf-8") as file:
        component = {row["metric"]: row["component"] for row in csv.DictReader(file)}
    lost = {
        (name, column): (set(null.split()), set(zero.split()))
        for name, column, null, zero, _ in check_input.LOST
    }
    assert len(lost) == len(check_input.LOST)
    named = set().union(*(null | zero for null, zero in lost.values()))
    assert set(component) - named == {"renewals_and_upsells_365d"}, "never lost: 0 without data"
    assert named <= set(component)
    for name, column in lost:
        optional = {c.name for c in CONTRACT[name].columns if not c.required}
        assert column == "" or column in optional
    assert {name for name, column in lost if not column} == set(CONTRACT)

    def of(*components: str) -> set[str]:
        return {metric for metric, name in component.items() if name in components}

    assert lost["usage_events", ""][0] == of("adoption", "engagement")
    assert lost["support_tickets", ""][0] == of("support")
    assert lost["survey_responses", ""][0] | lost["csm_assessments", ""][0] == of("sentiment")


# ------------------------------------------------------------------------------- rejected rows


def test_planted_faults_are_counted_by_reason_with_keys(runs: dict[str, Future]) -> None:
    report: Report = runs["planted"].result()
    found = inputs_of(report)
    tickets = found["support_tickets"]
    assert list(tickets.rows.values()) == [9, 3, 1, 5, 3]
    assert [(f.reason, f.count, f.examples) for f in tickets.rejected] == [
        ("unknown_account", 3, ["t2", "t3"]),
        ("bad_value", 1, ["t5"]),
        ("missing_key", 1, []),
    ]
    long_key = "k" * 57 + "..."
    assert [(f.column, f.reason, f.count, f.examples) for f in tickets.blanked] == [
        ("csat_score", "out_of_range", 2, [long_key, "t6"]),
        ("priority", "unknown_value", 1, ["t6"]),
    ]
    assert tickets.unexpected_columns == ["comment"]
    assert list(found["csm_assessments"].rows.values()) == [4, 2, 0, 2, 0]
    received = {c.name: c.received for c in found["csm_assessments"].columns}
    assert received["sentiment"] == "DOUBLE" and received["author"] is None
    states = {name: item.state for name, item in found.items()}
    assert states == dict.fromkeys(CONTRACT, "found") | {
        "survey_responses": "empty",
        "invoices": "missing",
        "score_overrides": "missing",
    }
    assert report.would_build and report.problems == []


def test_columns_without_a_value_count_as_lost(runs: dict[str, Future]) -> None:
    report: Report = runs["planted"].result()
    found = inputs_of(report)
    assert [e.cause for e in found["survey_responses"].effects] == ["no accepted row"]
    assert [e.cause for e in found["invoices"].effects] == ["no input"]
    causes = {e.cause for e in found["support_tickets"].effects}
    assert causes == {"no column solved_at", "no column reopen_count"}
    (no_minutes,) = (e for e in found["usage_events"].effects if e.null_metrics)
    assert no_minutes.cause == "no value in duration_seconds"
    assert no_minutes.null_metrics == ["minutes_per_user_28d"]
    assert not any("seats" in effect.cause for effect in found["subscriptions"].effects)


def test_no_cell_is_printed(runs: dict[str, Future]) -> None:
    for name in ("planted", "faulty", "clashing"):
        report: Report = runs[name].result()
        for output in (check_input.as_text(report), check_input.as_json(report)):
            assert "canary" not in output
    assert "canary" not in runs["gappy command"].result().stdout


def test_json_and_text_agree(runs: dict[str, Future]) -> None:
    report: Report = runs["planted"].result()
    facts = json.loads(check_input.as_json(report))
    text = check_input.as_text(report)
    assert facts == json.loads(json.dumps(asdict(report)))
    table = table_of(text)
    assert list(table) == [item["name"] for item in facts["inputs"]]
    for item in facts["inputs"]:
        rows = item["rows"].values() if item["rows"] else ["-"] * 5
        assert table[item["name"]][-5:] == [str(count) for count in rows]
        assert table[item["name"]][:2] == [item["presence"], item["state"]]
        for finding in item["rejected"] + item["blanked"]:
            assert f"{finding['count']}  {finding['reason']}" in text
            assert ", ".join(finding["examples"]) in text
    assert f"{len(facts['null_metrics'])} metrics" in text


# ------------------------------------------------------------------------------- what stops a run


def test_other_inputs_are_judged_when_required_ones_cannot_be_read(runs: dict[str, Future]) -> None:
    done: subprocess.CompletedProcess[str] = runs["gappy command"].result()
    assert done.returncode == 1
    assert done.stdout.startswith("{") and done.stdout.endswith("}\n")
    facts = json.loads(done.stdout)
    assert facts["would_build"] is False
    problems = [problem.split(" in /")[0] for problem in facts["problems"]]
    assert problems == [
        "accounts: required, but there is no *.csv, *.jsonl or *.parquet",
        "subscriptions: subscriptions.csv: no column account_id; is it account?",
        "survey_responses: survey_responses.csv: the cells are separated by semicolons; export it"
        " with commas",
    ]
    found = {item["name"]: item for item in facts["inputs"]}
    assert [found[name]["rows"] for name in ("accounts", "subscriptions", "survey_responses")] == [
        None
    ] * 3
    assert list(found["usage_events"]["rows"].values()) == [2, 2, 0, 0, 0]
    assert list(found["invoices"]["rows"].values()) == [3, 1, 1, 1, 0]
    reasons = {f["reason"] for item in facts["inputs"] for f in item["rejected"]}
    assert reasons == {"missing_value"}
    assert (
        "score_overrides.csv is not read; should it be score_overrides/score_overrides.csv?"
        in (facts["notes"])
    )
    assert "ticket/ is not read; should it be support_tickets/?" in facts["notes"]
    assert any("unknown_account" in note for note in facts["notes"])
    assert found["usage_events"]["notes"] == [
        "not read: readme.txt (only *.csv, *.jsonl and *.parquet files are)"
    ]


def test_what_the_check_calls_broken_stops_the_run(runs: dict[str, Future]) -> None:
    report: Report = runs["faulty"].result()
    built: Built = runs["built"].result()
    assert built.faulty.returncode != 0
    assert {item.name for item in report.inputs if item.state == "broken"} == set(CONTRACT)
    for name in CONTRACT:
        assert f"- {name}: " in built.faulty.output


def test_a_column_of_two_types_is_judged_row_by_row(runs: dict[str, Future]) -> None:
    report: Report = runs["clashing"].result()
    assert report.would_build and report.problems == []
    usage = next(item for item in report.inputs if item.name == "usage_events")
    assert [(f.reason, f.column, f.count) for f in usage.blanked] == [
        ("bad_value", "event_count", 1)
    ]
    assert USER not in check_input.as_text(report)


def test_json_lines_are_judged_like_csv(tmp_path: Path) -> None:
    """Also the accounts that they mention where the accounts themselves cannot be read."""
    raw = planted(tmp_path / "planted")
    for path in raw.glob("*/*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            lines = [json.dumps(row) for row in csv.DictReader(file)]
        if lines:
            path.with_suffix(".jsonl").write_text("\n".join(lines), encoding="utf-8")
            path.unlink()
    (raw / "accounts" / "accounts.jsonl").write_text("nothing\n", encoding="utf-8")
    as_csv = planted(tmp_path / "as_csv")
    (as_csv / "accounts" / "accounts.csv").write_text("", encoding="utf-8")
    found, wanted = (check_input.check(folder, RUN_DATE) for folder in (raw, as_csv))

    assert found.problems == [
        "accounts: accounts.jsonl: line 1 is not JSON; one JSON object per line is read"
    ]
    assert {item.name: item.rows for item in found.inputs} == {
        item.name: item.rows for item in wanted.inputs
    }
    formats = {item.name: item.format for item in found.inputs}
    assert formats["usage_events"] == formats["support_tickets"] == "json"
    assert [item.rejected for item in found.inputs] == [item.rejected for item in wanted.inputs]


def test_a_run_that_stops_for_another_reason_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that does not compile: the check says so instead of calling the folder good."""
    project = copy_project(tmp_path / "project")
    (project / "macros" / "broken.sql").write_text("{% macro broken() %}")
    monkeypatch.setenv("DBT_PROJECT_DIR", str(project))
    report = check_input.check(SAMPLE, RUN_DATE)
    assert not report.would_build
    (problem,) = report.problems
    assert problem.startswith("dbt stopped while judging the rows; to see why: HEALTH_RAW_DIR=/")
    assert all(item.rows is None for item in report.inputs)


def test_features_that_the_catalogue_does_not_know_are_told() -> None:
    assert check_input.unlisted_features(["login", "dashboard"]) == []
    (note,) = check_input.unlisted_features(["login", "teleport", "beam"])
    assert note.startswith("2 of 3 features are not in seeds/scoring/features.csv")
    assert note.endswith("teleport, beam")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a;b"], "the cells are separated by semicolons; export it with commas"),
        (["a\tb"], "the cells are separated by tabs; export it with commas"),
        (["c1,a1,2026-09-01,4"], "no required column in its first line; is that a header?"),
        ([], "no header line; put the column names there, or remove the file"),
        (["sentiment,Sentiment"], "cells 1 and 2 of the header hold the same name; rename one"),
    ],
)
def test_a_header_that_is_none_is_explained(
    tmp_path: Path, lines: list[str], expected: str
) -> None:
    write_csv(tmp_path, "csm_assessments", lines)
    item = next(i for i in check_input.read_contract() if i.name == "csm_assessments")
    check_input.inspect(tmp_path, item)
    assert item.problems == [f"csm_assessments.csv: {expected}"]
    assert item.state == "broken" and item.unexpected_columns == []


def test_broken_lines_are_found_by_the_line_people_see(tmp_path: Path) -> None:
    header = ",".join(c.name for c in CONTRACT["csm_assessments"].columns)
    place = tmp_path / "csm_assessments" / "september.csv"
    place.parent.mkdir()
    place.write_bytes(
        b"\xef\xbb\xbf" + header.encode() + b",more,\r\n"
        b'c1,a1,2026-09-01,4,me,"two\r\nlines",,\r\n'
        b"c2,a1,2026-09-01,4,me,a,b,c,d\r\n"
        b"c3,a1\r\n"
        b"c4,a1,2026-09-01,4,me,fine,,\r\n"
        b"c5,a1,2026-09-01,4,me,\xe9,,\r\n"
        b"c6,a1\r\n"
    )
    item = next(i for i in check_input.read_contract() if i.name == "csm_assessments")
    check_input.inspect(tmp_path, item)
    assert sorted(item.problems) == [
        "september.csv, line 4: more cells than the header (a comma inside a cell needs double"
        " quotes)",
        "september.csv, line 7: not UTF-8",
        "september.csv, lines 5, 8: fewer cells than the header",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["no_such_folder"],
        [str(ROOT / "Makefile")],
        [str(SAMPLE), "--run-date", "30.09.2026"],
        [str(SAMPLE), "--run-date", "2026-02-30"],
        [str(SAMPLE), "--examples", "-1"],
        [],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage" in done.stderr.lower() and "Traceback" not in done.stderr
