"""The explanation of a score is true, whole and readable, and says so when there is none."""

import json
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from customer_health.errors import NotFoundError
from customer_health.explain import as_text, explain, rule_text
from customer_health.warehouse import open_warehouse
from project import ROOT, Run

CENT = Decimal("0.01")
POINTS = re.compile(r" ([+-]\d+\.\d\d)$", flags=re.M)


def explained(run: Run, account: str, **choice: Any) -> dict[str, Any]:
    with open_warehouse(run.warehouse) as connection:
        return explain(connection, account, **choice)


def command(*arguments: str, warehouse: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts/explain.py"), *arguments],
        env={**os.environ, "HEALTH_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )


def accounts(run: Run) -> list[str]:
    found = run.rows("select account_id from marts.customer_health order by 1")
    return [account for (account,) in found]


def test_every_account_can_be_explained(sample_run: Run) -> None:
    """The parts agree with the published score, for everybody and for both goals."""
    cards = ("retention_2026", "expansion_2026", "retention_classic")
    with open_warehouse(sample_run.warehouse) as connection:
        for account in accounts(sample_run):
            for card in cards:
                told = explain(connection, account, scorecard=card)
                score = told["score"]
                if score["computed_score"] is not None:
                    added = sum(row["contribution"] for row in told["drivers"])
                    assert abs(added - score["computed_score"]) <= CENT
                assert told["segment_rule"]["segment"] == score["segment"]
                text = as_text(told)
                health_score = score["health_score"]
                assert ("no score" if health_score is None else str(health_score)) in text
                assert all(row["metric"] in text for row in told["drivers"])
                assert text.count(" is unknown: ") == sum(r["is_missing"] for r in told["drivers"])


def test_the_gains_are_what_the_score_would_gain(sample_run: Run) -> None:
    """Each driver is set to 100 points in turn, and the weighted mean computed again."""
    with open_warehouse(sample_run.warehouse) as connection:
        for account in accounts(sample_run)[::7]:
            told = explain(connection, account)
            if told["caps"]:
                continue
            rows = {row["metric"]: (row["weight"], row["metric_score"]) for row in told["drivers"]}
            now = mean(rows)
            gains = {
                metric: mean({**rows, metric: (weight, Decimal(100))}) - now
                for metric, (weight, _) in rows.items()
            }
            best = sorted(gains.items(), key=lambda item: (-item[1], item[0]))[:3]
            shown = [(row["metric"], row["gain"]) for row in told["would_move_most"]]
            for (metric, gain), (shown_metric, shown_gain) in zip(best, shown, strict=False):
                assert abs(gain - shown_gain) <= CENT, (account, metric, shown_metric)
            assert len(shown) == sum(gain > 0 for _, gain in best)


def mean(rows: dict[str, tuple[Decimal, Decimal | None]]) -> Decimal:
    scored = [(weight, points) for weight, points in rows.values() if points is not None]
    return sum(w * p for w, p in scored) / sum(w for w, _ in scored) if scored else Decimal(0)


def test_under_a_cap_what_lifts_it_comes_first(sample_run: Run) -> None:
    """With a row in the scorecard its points are gained as well, without one the cap alone goes."""
    for account, metric, cap in [
        ("unpaid_invoice", "days_overdue", "invoice_overdue"),
        ("urgent_ticket", "oldest_urgent_ticket_days", "urgent_ticket_open"),
    ]:
        told = explained(sample_run, account)
        first, *rest = told["would_move_most"]
        drivers = {row["metric"]: row["points_lost"] for row in told["drivers"]}
        score = told["score"]
        lifted = score["computed_score"] - score["capped_score"] + drivers.get(metric, Decimal(0))
        assert (first["metric"], first["lifts"]) == (metric, [cap])
        assert abs(first["gain"] - lifted) <= CENT
        assert rest and all(row["gain"] == 0 < row["computed_gain"] for row in rest)
        assert f"which lifts the cap {cap}" in as_text(told)


def test_the_causes_add_up_to_the_change(sample_run: Run) -> None:
    """Of the whole score, exactly; and each tells what was so then and is so now."""
    compared, kinds = 0, set()
    with open_warehouse(sample_run.warehouse) as connection:
        for account in accounts(sample_run):
            told = explain(connection, account)
            change, score = told["change_28d"], told["score"]
            if change is None or change["difference"] is None:
                assert change is None or change["causes"] == []
                continue
            compared += 1
            assert change["difference"] == score["health_score"] - change["then"]["health_score"]
            assert sum(row["points"] for row in change["causes"]) == change["difference"]
            values = {row["metric"]: row["metric_value"] for row in told["drivers"]}
            text = as_text(told).split("Since 28 days ago")[1].split("\n\n")[0]
            kinds |= {row["cause"] for row in change["causes"]}
            points = [Decimal(number) for number in POINTS.findall(text)]
            assert abs(sum(points) - change["difference"]) <= len(points) * CENT / 2
            for row in change["causes"]:
                column = {"override": "override_id"}.get(row["cause"], row["cause"])
                if row["cause"] == "unchanged":
                    assert len(text.splitlines()) == 1
                elif row["metric"]:
                    assert row["now"] == values[row["metric"]]
                    assert (None in (row["then"], row["now"])) == (row["cause"] == "coverage")
                else:
                    assert (row["then"], row["now"]) == (change["then"][column], score[column])
    published = sample_run.rows("select count(score_change_28d) from marts.customer_health")
    assert compared == published[0][0] > 50
    assert {"behaviour", "coverage", "cap"} <= kinds


def test_the_page_tells_the_causes_then_and_now(sample_run: Run) -> None:
    lines = as_text(explained(sample_run, "urgent_ticket")).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Since 28 days ago"))
    assert lines[start] == "Since 28 days ago (2026-09-02): 96.64 -> 59.00 (-37.64)"
    assert lines[start + 1].split() == ["cause", "metric", "then", "now", "points"]
    assert lines[start + 3].split() == ["cap", "-", "none", "urgent_ticket_open", "-33.44"]
    assert lines[start + 4].split()[1:] == ["oldest_open_ticket_days", "2", "30", "-4.00"]
    told = explained(sample_run, "urgent_ticket", scorecard="expansion_2026")
    assert told["change_28d"]["causes"] == []
    assert "The causes are split for the live retention scorecard only." in as_text(told)


def test_of_many_causes_the_largest_are_told(sample_run: Run) -> None:
    [(account, causes)] = sample_run.rows(
        "select account_id, count(*) from marts.fct_score_changes"
        " where score_date = date '2026-09-30' and days_back = 28"
        " group by account_id order by count(*) desc, account_id limit 1"
    )
    told = explained(sample_run, account)
    lines = as_text(told).split("Since 28 days ago")[1].split("\n\n")[0].splitlines()
    assert len(told["change_28d"]["causes"]) == causes > 8
    assert [line.split()[0] for line in lines[3:11]] == [
        row["cause"] for row in told["change_28d"]["causes"][:8]
    ]
    assert lines[11].startswith("all others")


def test_without_two_scores_there_is_nothing_to_split(sample_run: Run) -> None:
    [(account,)] = sample_run.rows(
        "select min(present.account_id) from marts.fct_health_scores as present"
        " inner join metrics.score_dates as dates on present.score_date = dates.score_date"
        " inner join marts.fct_health_scores as earlier"
        " on present.account_id = earlier.account_id and present.scorecard = earlier.scorecard"
        " and dates.date_28d_earlier = earlier.score_date"
        " where present.scorecard = 'retention_2026' and dates.score_date = dates.as_of_date"
        " and (present.health_score is null or earlier.health_score is null)"
    )
    told = explained(sample_run, account)
    then, now = told["change_28d"]["then"]["coverage"], told["score"]["coverage"]
    assert told["change_28d"]["causes"] == []
    assert f"known: {100 * then:.0f} % of the weight -> {100 * now:.0f} %" in as_text(told)


def test_a_rank_explains_the_points_of_a_percentile_row(sample_run: Run) -> None:
    """Linear on the rank that is told gives the points that were given."""
    told = 0
    with open_warehouse(sample_run.warehouse) as connection:
        for account in accounts(sample_run):
            for card in ("retention_2026", "expansion_2026"):
                explained = explain(connection, account, scorecard=card)
                for row in explained["drivers"]:
                    if "percentile" not in row:
                        assert row["curve"] != "percentile" or row["is_missing"]
                        continue
                    poor, healthy = row["poor_at"], row["healthy_at"]
                    points = 100 * (row["percentile"] - poor) / (healthy - poor)
                    assert abs(min(max(points, 0), 100) - row["metric_score"]) < Decimal("0.0001")
                    told += 1
                    assert f"of {row['peers']} accounts of the segment" in as_text(explained)
    assert told > 50


def test_a_cap_and_an_override_are_told(sample_run: Run) -> None:
    [(capped,)] = sample_run.rows(
        "select min(account_id) from marts.customer_health where cap is not null"
    )
    told = explained(sample_run, capped)
    cap = next(cap for cap in told["caps"] if cap["cap"] == told["score"]["cap"])
    assert f"Cap        {cap['cap']} lowers it to {cap['max_score']}" in as_text(told)
    assert cap["reason"] in as_text(told)

    [(overridden, override_id)] = sample_run.rows(
        "select account_id, override_id from marts.customer_health where override_id is not null"
        " order by 1 limit 1"
    )
    told = explained(sample_run, overridden)
    assert told["override"]["override_id"] == override_id
    assert f"Override   {override_id} sets it to {told['score']['health_score']}" in as_text(told)
    # Neither belongs to the other goal.
    other = explained(sample_run, overridden, scorecard="expansion_2026")
    assert (other["caps"], other["override"]) == ([], None)


def test_another_date_is_another_explanation(sample_run: Run) -> None:
    account = accounts(sample_run)[0]
    [(day, score)] = sample_run.rows(
        "select score_date, health_score from marts.fct_health_scores"
        f" where account_id = '{account}' and scorecard = 'retention_2026'"
        " order by score_date desc limit 1 offset 30"
    )
    assert explained(sample_run, account, day=day)["score"]["health_score"] == score


def test_what_to_do_is_told_of_the_last_day(sample_run: Run) -> None:
    """The actions of the live retention scorecard at the as-of date, with who, by when and why."""
    told = explained(sample_run, "urgent_ticket")
    published = sample_run.rows(
        "select action_rank, playbook, action, reason, owner_role, due_date"
        " from marts.fct_recommended_actions where account_id = 'urgent_ticket' order by 1"
    )
    lines = as_text(told).split("What to do:\n")[1].splitlines()
    assert len(lines) == 2 * len(published) == 6
    for at, (rank, playbook, action, reason, role, due) in enumerate(published):
        assert told["actions"][at]["playbook"] == playbook
        assert lines[2 * at] == f"  {rank}. {action} ({playbook}, {role}, by {due})"
        assert lines[2 * at + 1] == f"     because {reason}"

    [(day,)] = sample_run.rows(
        "select date_28d_earlier from metrics.score_dates where score_date = as_of_date"
    )
    for other in (
        {"day": day},
        {"scorecard": "expansion_2026"},
        {"scorecard": "retention_classic"},
    ):
        told = explained(sample_run, "urgent_ticket", **other)
        assert told["actions"] == []
        assert "What to do" not in as_text(told)


def test_json_holds_what_the_page_holds(sample_run: Run) -> None:
    account = accounts(sample_run)[0]
    done = command(account, "--json", warehouse=sample_run.warehouse)
    told = json.loads(done.stdout)

    assert done.returncode == 0
    assert set(told) == {
        "score",
        "segment_rule",
        "drivers",
        "caps",
        "override",
        "change_28d",
        "would_move_most",
        "actions",
    }
    [(score,)] = sample_run.rows(
        f"select health_score from marts.customer_health where account_id = '{account}'"
    )
    assert told["score"]["health_score"] == float(score)


def test_a_name_is_as_good_as_an_id(sample_run: Run) -> None:
    [(account, name)] = sample_run.rows(
        "select min(account_id), account_name from marts.customer_health"
        " group by account_name having count(*) = 1 order by 1 limit 1"
    )
    assert explained(sample_run, name.upper())["score"]["account_id"] == account


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["acct_001"], "There is no account called 'acct_001'. Did you mean:\n  acct_00"),
        (["zzzzzz"], "There is no account called 'zzzzzz'. marts.dim_accounts lists them all."),
        (["acct_0001", "--scorecard", "retention"], "There is no scorecard 'retention'. Computed"),
        (["acct_0001", "--date", "2020-01-01"], "2020-01-01 is no score date; the nearest are 20"),
        (["acct_0035"], "(acct_0035) is never scored: test account."),
    ],
)
def test_what_cannot_be_explained_says_what_to_do(
    arguments: list[str], told: str, sample_run: Run
) -> None:
    done = command(*arguments, warehouse=sample_run.warehouse)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_seeds_that_did_not_make_it_into_the_scores_are_noticed(
    sample_run: Run, tmp_path: Path
) -> None:
    """After a build that a seed stopped, thresholds and scores no longer belong together."""
    warehouse = tmp_path / sample_run.warehouse.name
    shutil.copy(sample_run.warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update seeds.scorecard_metrics set poor_at = poor_at + 0.001")
    done = command("champion", warehouse=warehouse)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the last build did not get to the end" in done.stderr


def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("no database " * 1000)
    done = command("champion", warehouse=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not a DuckDB file that can be read" in done.stderr


def test_an_account_that_left_has_a_last_score(sample_run: Run) -> None:
    [(account, last)] = sample_run.rows(
        "select account_id, max(score_date) from marts.fct_health_scores group by account_id"
        " having max(score_date) < date '2026-09-01' order by 1 limit 1"
    )
    with pytest.raises(NotFoundError, match=f"add --date {last}"):
        explained(sample_run, account)
    assert explained(sample_run, account, day=last)["score"]["score_date"] == last


def test_a_file_that_is_no_build_says_what_to_do(tmp_path: Path) -> None:
    done = command("acct_0001", warehouse=tmp_path / "nowhere.duckdb")
    assert done.returncode == 1
    assert "does not exist yet: run make demo or dbt build" in done.stderr


def test_rules_read_as_words() -> None:
    rule = {"priority": 40, "segment": "s", "label": "S", "is_trial": True, "industry": "Banking"}
    assert rule_text(rule) == "is_trial = true and industry = Banking"
    limits = {"min_mrr": Decimal("8000.000000"), "max_tenure_days": 120}
    assert rule_text(limits) == "mrr at least 8,000 and tenure_days at most 120"
    assert rule_text({"priority": 90, "segment": "s"}) == "everybody else"
