"""docs/scoring.md says what the seeds decide, and its worked example is what the models compute.

After a change of the sample data or of the scoring seeds, the failing tests name each line of the
page that is no longer true. The worked example is printed as it should be: copy what stands
under "Captured stdout" between the two markers of the page. The worked changes likewise.
"""

import ast
import csv
import operator
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from project import ROOT, Run

PAGE = ROOT / "docs" / "scoring.md"
SEEDS = ROOT / "seeds" / "scoring"
BEGIN, END = "<!-- example: begin -->", "<!-- example: end -->"
CHANGES_BEGIN, CHANGES_END = "<!-- changes: begin -->", "<!-- changes: end -->"
CHANGED_ACCOUNTS = ("quiet_churner", "urgent_ticket")
PARTS = ("Definition.", "Example.", "Why it matters.", "What to do.")
UNUSED = "No shipped scorecard uses it"
NO_POINTS = "unknown: left out"

Row = dict[str, str]
Record = dict[str, Any]


class Rule(NamedTuple):
    """How a scorecard row turns a value into points."""

    curve: str
    poor_at: Fraction
    healthy_at: Fraction
    if_unknown: Fraction | None

    def __str__(self) -> str:
        missing = "left out" if self.if_unknown is None else text_of(self.if_unknown)
        ends = f"0 points at {text_of(self.poor_at)}, 100 at {text_of(self.healthy_at)}"
        return f"{self.curve}, {ends}, if unknown {missing}"


# ------------------------------------------------------------------------------- reading


def seed(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """The text below each heading, up to the next heading of any level."""
    pieces = re.split(r"^#{1,4} +(.+)$", page(), flags=re.M)
    titles = [title.replace("`", "") for title in pieces[1::2]]
    assert len(titles) == len(set(titles)), "two headings with the same text"
    return dict(zip(titles, pieces[2::2], strict=True))


def cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def tables(text: str) -> list[list[Row]]:
    """The Markdown tables of a text, each as rows by column name."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, flags=re.M):
        names, _, *lines = map(cells, block.splitlines())
        found.append([dict(zip(names, line, strict=True)) for line in lines])
    return found


def table(title: str) -> list[Row]:
    [found] = tables(sections()[title])
    return found


def number(text: str) -> Fraction:
    """`0.5`, `50 %` (0.5) or `75th percentile` (75)."""
    match = re.fullmatch(r"(-?[\d.]+)( %|th percentile)?", text)
    assert match, f"{text!r} is no number"
    return Fraction(match[1]) / (100 if match[2] == " %" else 1)


def text_of(value: Decimal | Fraction | str) -> str:
    """A decimal without zeros at its end."""
    exact = Fraction(value)
    return format((Decimal(exact.numerator) / exact.denominator).normalize() + 0, "f")


def rounded(value: Fraction, digits: int) -> Decimal:
    """Half away from zero, of what is not negative."""
    return Decimal((value * 10**digits + Fraction(1, 2)).__floor__()).scaleb(-digits)


def computed_scorecards(*statuses: str) -> set[str]:
    return {row["scorecard"] for row in seed("scorecards") if row["status"] in statuses}


# ------------------------------------------------------------------------------- the rules


def rules_of_the_seed() -> dict[tuple[str, str, str], Rule]:
    return {
        (row["scorecard"], row["segment"], row["metric"]): Rule(
            row["curve"],
            Fraction(row["poor_at"]),
            Fraction(row["healthy_at"]),
            Fraction(row["score_if_missing"]) if row["score_if_missing"] else None,
        )
        for row in seed("scorecard_metrics")
    }


def listed_rules() -> Iterable[tuple[str, str, str, Rule]]:
    """Every row of the page's tables of rules, one per segment that it names."""
    all_segments = sorted({row["segment"] for row in seed("segments")})
    for title, text in sections().items():
        for row in (row for found in tables(text) for row in found if "why so" in row):
            assert row["why so"], f"{title}: a row without a reason"
            unknown = row["if unknown"]
            rule = Rule(
                row["curve"],
                number(row["0 points at"]),
                number(row["100 points at"]),
                None if unknown == "left out" else number(unknown),
            )
            named = all_segments if row["segments"] == "all" else row["segments"].split(", ")
            for segment in named:
                yield row.get("scorecard", title), segment, row.get("metric", title), rule


def test_the_tables_cover_every_row_of_every_scorecard() -> None:
    ours = rules_of_the_seed()
    listed: dict[tuple[str, str, str], Rule] = {}
    wrong = []
    for scorecard, segment, metric, rule in listed_rules():
        key = (scorecard, segment, metric)
        where = f"{metric} in {scorecard}, segment {segment}"
        if key in listed:
            wrong.append(f"{where}: listed twice")
        listed[key] = rule
        if key not in ours:
            wrong.append(f"{where}: the page says {rule}; the seed has no such row")
        elif ours[key] != rule:
            wrong.append(f"{where}: the page says {rule}; the seed says {ours[key]}")
    for key in ours.keys() - listed.keys():
        scorecard, segment, metric = key
        where = f"{metric} in {scorecard}, segment {segment}"
        wrong.append(f"{where}: not on the page; the seed says {ours[key]}")
    assert not wrong, "\n" + "\n".join(sorted(wrong))


@pytest.mark.parametrize("metric", seed("metrics"), ids=lambda row: row["metric"])
def test_every_metric_has_its_section(metric: Row) -> None:
    text = sections().get(metric["metric"])
    assert text, f"no section for {metric['metric']}"
    found = re.findall(r"^\*\*(.+?)\*\* +\S", text, flags=re.M)
    assert tuple(found) == PARTS, f"{metric['metric']} has the parts {found}"
    definition = text.split("**Example.**")[0]
    assert metric["window_days"] in definition, f"the window is {metric['window_days']} days"
    live = computed_scorecards("live")
    used = {name for card, _, name in rules_of_the_seed() if card in live}
    is_used = metric["metric"] in used
    assert is_used == bool(tables(text)), "a table exactly where a live scorecard uses the metric"
    assert is_used != (UNUSED in text), f"say {UNUSED!r} exactly where that is so"


def test_metrics_stand_under_their_component() -> None:
    """In the order of the catalogue."""
    catalogue = [(row["metric"], row["component"]) for row in seed("metrics")]
    components = {component for _, component in catalogue}
    found, current = [], ""
    for title in sections():
        if title.lower() in components:
            current = title.lower()
        elif title in dict(catalogue):
            found.append((title, current))
    assert found == catalogue


# ------------------------------------------------------------------------------- other seeds


def test_scorecards_are_those_of_the_seed() -> None:
    expected = [
        (row["scorecard"], row["goal"], row["status"], Fraction(row["min_coverage"]))
        for row in seed("scorecards")
    ]
    listed = [
        (row["scorecard"], row["goal"], row["status"], number(row["coverage needed"]))
        for row in table("Two goals, and a challenger")
    ]
    assert listed == expected


def test_caps_are_those_of_the_seed() -> None:
    worse = {row["metric"]: "<" if row["better"] == "higher" else ">" for row in seed("metrics")}
    expected = [
        {
            "cap": row["cap"],
            "segments": "all" if row["segment"] == "*" else row["segment"],
            "holds when": f"{row['metric']} {worse[row['metric']]} {row['worse_than']}",
            "at most": row["max_score"],
        }
        for row in seed("score_caps")
    ]
    listed = table("Caps")
    assert all(row.pop("why") for row in listed)
    assert listed == expected


def test_grades_are_those_of_the_seed() -> None:
    expected = [
        {
            "grade": row["grade"],
            "label": row["label"],
            "colour": row["colour"],
            "from": row["min_score"] or "no score",
            "response": row["response"],
        }
        for row in seed("grades")
    ]
    assert table("Grades") == expected


def test_component_weights_are_those_of_the_seed() -> None:
    component = {row["metric"]: row["component"] for row in seed("metrics")}
    live = computed_scorecards("live")
    expected: dict[tuple[str, str, str], Fraction] = {}
    for row in seed("scorecard_metrics"):
        if row["scorecard"] in live:
            key = (row["scorecard"], component[row["metric"]], row["segment"])
            expected[key] = expected.get(key, Fraction(0)) + Fraction(row["weight"])
    listed = {
        (row["scorecard"], row["component"], segment): Fraction(weight)
        for row in table("Weights by component")
        for segment, weight in row.items()
        if segment not in ("scorecard", "component") and weight != "0"
    }
    wrong = [
        f"{' '.join(key)}: the page says {listed.get(key, 0)}, the seed {expected.get(key, 0)}"
        for key in sorted(listed.keys() | expected.keys())
        if listed.get(key) != expected.get(key)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_weights_of_the_challenger_are_those_of_the_seed() -> None:
    weights = {
        (row["scorecard"], row["metric"], row["weight"])
        for row in seed("scorecard_metrics")
        if row["scorecard"] in computed_scorecards("challenger")
    }
    listed = {(r["scorecard"], r["metric"], r["weight"]) for r in table("The challenger")}
    assert listed == weights


# ------------------------------------------------------------------------------- arithmetic


def points_on(curve: str, x: Fraction, p: Fraction, h: Fraction) -> Fraction:
    """0 to 100; on a percentile row x is the rank."""
    if curve == "target":
        return 100 * max(Fraction(0), 1 - abs(x - h) / abs(p - h))
    way = min(max((x - p) / (h - p), Fraction(0)), Fraction(1))
    if curve == "banded":
        return Fraction({0: 0, 1: 100}.get(way, 50))
    return 100 * way


def evaluated(text: str) -> Fraction:
    """What a sum on the page comes to; `x` is times."""
    operators: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
    }

    def value(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return operators[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        source = ast.get_source_segment(sum_text, node)
        assert isinstance(node, ast.Constant) and source, f"no sum: {text}"
        return Fraction(source)

    sum_text = re.sub(r"\bx\b", "*", text)
    return value(ast.parse(sum_text, mode="eval").body)


def test_the_curves_give_the_points_of_their_examples() -> None:
    listed = table("From value to points: four curves")
    assert {row["curve"] for row in listed} == {"linear", "banded", "target", "percentile"}
    for row in listed:
        ends = [number(row[name]) for name in ("0 points at", "100 points at")]
        for pair in row["value: points"].split(", "):
            value, points = pair.split(": ")
            expected = rounded(points_on(row["curve"], number(value), *ends), 2)
            assert Decimal(points) == expected, f"{row['curve']} at {value}: {expected}"


def test_the_invented_account_with_unknown_values_is_worked_out() -> None:
    for row in table("When a value is unknown"):
        assert Fraction(row["result"]) == rounded(evaluated(row["worked"]), 2), row


# 100 x (value - poor) / (healthy - poor) = points
CURVE_SUM = re.compile(
    r"(100 x \(-?[\d.]+ ([+-] [\d.]+)\) / \((-?[\d.]+) ([+-] [\d.]+)\)) = (\d+(?:\.\d+)?)"
)


# between healthy and poor, and how far from the target 0 points are
BETWEEN = re.compile(r"between ([\d.]+) and ([\d.]+)[,:] (?:so )?50 points")
TARGET = re.compile(r"target is ([\d.]+) and 0 points are ([\d.]+) away")


def test_the_other_examples_name_the_ends_of_a_live_row() -> None:
    live = computed_scorecards("live")
    rules = [(key[2], rule) for key, rule in rules_of_the_seed().items() if key[0] in live]
    ends = {(metric, frozenset((rule.poor_at, rule.healthy_at))) for metric, rule in rules}
    found = 0
    for metric in {metric for metric, _ in rules}:
        text = " ".join(sections()[metric].split())
        pairs = [(Fraction(a), Fraction(b)) for a, b in BETWEEN.findall(text)]
        pairs += [(Fraction(h), Fraction(h) + Fraction(away)) for h, away in TARGET.findall(text)]
        for pair in pairs:
            assert (metric, frozenset(pair)) in ends, f"{metric}: no live row from {pair}"
            found += 1
    assert found >= 4


def test_sums_in_the_examples_come_out() -> None:
    """And those of a metric are reckoned with the ends of one of its live rows."""
    live = computed_scorecards("live")
    rules = rules_of_the_seed().items()
    ends = {(metric, r.poor_at, r.healthy_at) for (card, _, metric), r in rules if card in live}
    metrics = {row["metric"] for row in seed("metrics")}
    checked = 0
    for title in metrics & sections().keys():
        text = " ".join(sections()[title].split())
        for worked, poor, healthy, again, result in CURVE_SUM.findall(text):
            where = f"{title}: {worked} = {result}"
            poor_at = -Fraction(poor.replace(" ", ""))
            assert poor == again, where
            assert (title, poor_at, Fraction(healthy)) in ends, f"{where}: no live row like that"
            assert Decimal(result) == rounded(evaluated(worked), 2), where
            checked += 1
    assert checked >= len(metrics) / 2


def test_every_cap_is_named_where_its_metric_is_explained() -> None:
    better = {row["metric"]: row["better"] for row in seed("metrics")}
    for row in seed("score_caps"):
        side = "Above" if better[row["metric"]] == "lower" else "Below"
        text = " ".join(sections()[row["metric"]].split())
        wanted = f"{side} {row['worse_than']} the cap `{row['cap']}` holds"
        assert wanted in text, f"{row['metric']}: say {wanted!r}"


# ------------------------------------------------------------------------------- worked example

# Accounts that show something missing; the more curves and stated points among their rows the
# better, then the fewer rows at full or no points.
CANDIDATES = """
select health.account_id
from marts.customer_health as health
inner join marts.fct_health_drivers as drivers
    on health.account_id = drivers.account_id and health.score_date = drivers.score_date
inner join seeds.scorecards as cards on drivers.scorecard = cards.scorecard
inner join seeds.scorecard_metrics as rules
    on drivers.scorecard = rules.scorecard
    and drivers.segment = rules.segment
    and drivers.metric = rules.metric
where cards.goal = 'retention' and cards.status = 'live' and health.computed_score is not null
group by health.account_id, health.segment
having count(*) filter (where drivers.metric_score is null) > 0
order by
    health.segment in ('trial', 'onboarding') desc,
    count(distinct rules.curve) + max(cast(rules.score_if_missing is not null
        and drivers.is_missing as integer)) desc,
    count(*) filter (where drivers.metric_score > 0 and drivers.metric_score < 100) desc,
    health.account_id
"""

SCORE = """
select scores.*, grades.label, grades.min_score, caps.max_score,
    (select min(higher.min_score) from seeds.grades as higher
        where higher.min_score > grades.min_score) as next_min_score
from marts.customer_health as health
inner join marts.fct_health_scores as scores
    on health.account_id = scores.account_id and health.score_date = scores.score_date
inner join seeds.scorecards as cards on scores.scorecard = cards.scorecard
inner join seeds.grades as grades on scores.grade = grades.grade
left join seeds.score_caps as caps on scores.cap = caps.cap
where health.account_id = '{account}' and cards.goal = 'retention' and cards.status = 'live'
    and health.health_score is not distinct from scores.health_score
"""

DRIVERS = """
select drivers.*,
    count(*) filter (where metrics.better = 'higher' and peers.metric_value < drivers.metric_value
        or metrics.better = 'lower' and peers.metric_value > drivers.metric_value) as worse,
    count(*) filter (where peers.metric_value = drivers.metric_value) as equal,
    count(peers.metric_value) as peers
from marts.fct_health_drivers as drivers
inner join seeds.metrics as metrics on drivers.metric = metrics.metric
inner join scoring.metric_values as peers
    on drivers.metric = peers.metric and drivers.segment = peers.segment
    and drivers.score_date = peers.score_date
where drivers.account_id = '{account}' and drivers.score_date = '{day}'
    and drivers.scorecard = '{scorecard}'
group by all
"""


def records(run: Run, sql: str) -> list[Record]:
    names = [row[0] for row in run.rows(f"describe {sql}")]
    return [dict(zip(names, row, strict=True)) for row in run.rows(sql)]


def worked_points(driver: Record, rule: Rule) -> str:
    """How the points of a driver come about, as a sum or in words."""
    value, p, h = driver["metric_value"], text_of(rule.poor_at), text_of(rule.healthy_at)
    if value is None:
        stated = rule.if_unknown
        return NO_POINTS if stated is None else f"unknown: {text_of(stated)} stated"
    x, measured = text_of(value), Fraction(value)
    if rule.curve == "percentile":
        x = f"100 x ({driver['worse']} + {driver['equal']} / 2) / {driver['peers']}"
        measured = evaluated(x)
    points = points_on(rule.curve, measured, rule.poor_at, rule.healthy_at)
    if points in (0, 100) and rule.curve != "target":
        return f"{x}: {h + ' or better' if points else p + ' or worse'}"
    if rule.curve == "banded":
        return "between the two"
    if rule.curve == "target":
        return f"at {h}: 100" if points == 100 else target_sum(measured, rule)
    return f"100 x ({x} - {minus(p)}) / ({h} - {minus(p)})"


def target_sum(value: Fraction, rule: Rule) -> str:
    away, distance = abs(value - rule.healthy_at), abs(rule.poor_at - rule.healthy_at)
    if away >= distance:
        return f"{text_of(distance)} or more away"
    return f"100 x (1 - {text_of(away)} / {text_of(distance)})"


def minus(text: str) -> str:
    return f"({text})" if text.startswith("-") else text


def driver_line(driver: Record, rule: Rule) -> list[str]:
    value, points = driver["metric_value"], driver["metric_score"]
    suffix = "th percentile" if rule.curve == "percentile" else ""
    return [
        driver["metric"],
        "unknown" if value is None else text_of(value),
        rule.curve,
        text_of(rule.poor_at) + suffix,
        text_of(rule.healthy_at) + suffix,
        worked_points(driver, rule),
        "none" if points is None else text_of(points),
        text_of(driver["weight"]),
        text_of(driver["effective_weight"]),
        text_of(driver["contribution"]),
    ]


def weighted(drivers: Iterable[Record]) -> str:
    return " + ".join(f"{text_of(d['weight'])} x {text_of(d['metric_score'])}" for d in drivers)


def added(drivers: Iterable[Record], column: str = "weight") -> str:
    return " + ".join(text_of(driver[column]) for driver in drivers)


def over(above: str, below: str) -> str:
    """A quotient, with brackets only where they are needed."""
    bracketed = [f"({text})" if " + " in text else text for text in (above, below)]
    return " / ".join(bracketed)


def steps(score: Record, drivers: list[Record]) -> Iterable[tuple[str, str, str]]:
    """What is done with the drivers, line by line: name, sum or words, result."""
    scored = [d for d in drivers if d["metric_score"] is not None]
    known = [d for d in drivers if not d["is_missing"]]
    unknown = sum(d["weight"] for d in drivers if d["is_missing"])
    yield "weight that counts", added(scored), text_of(sum(d["weight"] for d in scored))
    yield "computed_score", over(weighted(scored), added(scored)), str(score["computed_score"])
    total = sum(d["contribution"] for d in scored)
    yield "sum of the contributions", added(scored, "contribution"), text_of(total)
    yield "coverage", over(added(known), "100"), text_of(score["coverage"])
    yield "score_low", over(weighted(known), "100"), str(score["score_low"])
    at_best = f"{weighted(known)} + {text_of(unknown)} x 100"
    yield "score_high", over(at_best, "100"), str(score["score_high"])
    for component in dict.fromkeys(driver["component"] for driver in scored):
        mine = [d for d in scored if d["component"] == component]
        name = f"{component}_score"
        yield name, over(weighted(mine), added(mine)), str(score[name])
    yield from limit_steps(score)


def limit_steps(score: Record) -> Iterable[tuple[str, str, str]]:
    cap = f"{score['cap']}: at most {score['max_score']}" if score["cap"] else "no cap lowers it"
    yield "capped_score", cap, str(score["capped_score"])
    override = score["override_id"]
    limit = f"override {override}" if override else "no override is in force"
    yield "health_score", limit, str(score["health_score"])
    bounds = f"from {text_of(score['min_score'])}"
    if score["next_min_score"] is not None:
        bounds += f", below {text_of(score['next_min_score'])}"
    yield "grade", bounds, f"{score['grade']}, {score['label']}"


def markdown(names: list[str], lines: Iterable[Iterable[str]]) -> str:
    head = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join(head + [f"| {' | '.join(line)} |" for line in lines])


def example_of(run: Run, account: str) -> str:
    """What the page should say between its markers about the account."""
    [score] = records(run, SCORE.format(account=account))
    where = {"account": account, "day": score["score_date"], "scorecard": score["scorecard"]}
    order = [row["metric"] for row in seed("metrics")]
    drivers = records(run, DRIVERS.format(**where))
    drivers.sort(key=lambda driver: order.index(driver["metric"]))
    rules = rules_of_the_seed()
    lines = [
        driver_line(d, rules[score["scorecard"], score["segment"], d["metric"]]) for d in drivers
    ]
    names = ["metric", "value", "curve", "0 points at", "100 points at", "points, worked"]
    names += ["points", "weight", "effective weight", "contribution"]
    head = [[account, str(where["day"]), score["scorecard"], score["segment"]]]
    return "\n\n".join(
        [
            markdown(["account", "score date", "scorecard", "segment"], head),
            markdown(names, lines),
            markdown(["step", "worked", "result"], steps(score, drivers)),
        ]
    )


def example_on_the_page() -> str:
    [found] = re.findall(f"{BEGIN}\n(.*?)\n{END}", page(), flags=re.S)
    return found.strip()


def test_the_worked_example_is_what_was_computed(sample_run: Run) -> None:
    """Fails with the example as it should be; for another account, write its id in the page."""
    found = example_on_the_page()
    candidates = [account for (account,) in sample_run.rows(CANDIDATES)]
    account = tables(found)[0][0]["account"]
    if account not in candidates:
        print(f"{account} shows nothing left out in this build, or has no score. Better ones, the")
        print(f"best first: {', '.join(candidates[:5])}. The example of the first:\n")
        account = candidates[0]
    expected = example_of(sample_run, account)
    print(expected)
    ours, theirs = found.splitlines(), expected.splitlines()
    differ = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
    assert ours == theirs, "Copy the example below into docs/scoring.md. First difference:\n" + (
        f"  page:   {differ[0][0]}\n  marts:  {differ[0][1]}" if differ else "  number of lines"
    )


def test_the_points_of_the_worked_example_follow_from_its_values() -> None:
    drivers = tables(example_on_the_page())[1]
    assert any(row["points, worked"] == NO_POINTS for row in drivers), "show a row left out"
    assert len({row["curve"] for row in drivers}) >= 2, "show more than one curve"
    for row in drivers:
        assert row["points"] == redone_points(row), row


def redone_points(row: Row) -> str:
    """The points of a driver from the numbers in its line of the page."""
    worked = row["points, worked"]
    if row["value"] == "unknown":
        return "none" if worked == NO_POINTS else worked.split()[1]
    value = number(row["value"])
    rank = re.search(r"100 x \(\d+ \+ \d+ / 2\) / \d+", worked)
    if row["curve"] == "percentile":
        assert rank, f"no rank: {worked}"
        value = evaluated(rank[0])
    ends = [number(row[name]) for name in ("0 points at", "100 points at")]
    points = text_of(rounded(points_on(row["curve"], value, *ends), 4))
    if worked.startswith("100 x") and ":" not in worked:
        assert text_of(rounded(evaluated(worked), 4)) == points, worked
    return points


def test_the_score_of_the_worked_example_follows_from_its_points() -> None:
    _, drivers, lines = tables(example_on_the_page())
    scored = [row for row in drivers if row["points"] != "none"]
    counted = sum(Fraction(row["weight"]) for row in scored)
    for row in scored:
        share = Fraction(row["weight"]) / counted
        assert row["effective weight"] == text_of(rounded(share, 6)), row
        adds = share * Fraction(row["points"])
        assert row["contribution"] == text_of(rounded(adds, 6)), row
    result = {row["step"]: row for row in lines}
    total = sum(share_of_score(row, counted) for row in scored)
    assert Decimal(result["computed_score"]["result"]) == rounded(total, 2)
    for row in lines[: list(result).index("capped_score")]:
        digits = -Decimal(row["result"]).as_tuple().exponent
        assert Decimal(row["result"]) == rounded(evaluated(row["worked"]), digits), row
    assert_limits_follow(result)


def share_of_score(row: Row, counted: Fraction) -> Fraction:
    return Fraction(row["weight"]) * Fraction(row["points"]) / counted


def assert_limits_follow(result: dict[str, Row]) -> None:
    """The cap, the override and the grade, from the lines above them."""
    score = Decimal(result["computed_score"]["result"])
    at_most = re.search(r"at most ([\d.]+)$", result["capped_score"]["worked"])
    score = min(score, Decimal(at_most[1])) if at_most else score
    assert Decimal(result["capped_score"]["result"]) == score
    if not result["health_score"]["worked"].startswith("override "):
        assert Decimal(result["health_score"]["result"]) == score
    final = Decimal(result["health_score"]["result"])
    graded = [row for row in seed("grades") if row["min_score"]]
    best = max(
        (row for row in graded if Decimal(row["min_score"]) <= final),
        key=lambda row: Decimal(row["min_score"]),
    )
    assert result["grade"]["result"] == f"{best['grade']}, {best['label']}"


# ------------------------------------------------------------------------------- why it moved

CHANGE = """
select scores.score_date, earlier.score_date as earlier_date, scores.scorecard,
    earlier.health_score as health_then, scores.health_score as health_now,
    earlier.capped_score as capped_then, scores.capped_score as capped_now,
    earlier.computed_score as computed_then, scores.computed_score as computed_now,
    coalesce(earlier.cap, 'none') as cap_then, coalesce(scores.cap, 'none') as cap_now
from marts.fct_health_scores as scores
inner join metrics.score_dates as dates on scores.score_date = dates.as_of_date
    and scores.score_date = dates.score_date
inner join marts.fct_health_scores as earlier on scores.account_id = earlier.account_id
    and scores.scorecard = earlier.scorecard and dates.date_28d_earlier = earlier.score_date
    and scores.segment = earlier.segment
inner join seeds.scorecards as cards on scores.scorecard = cards.scorecard
where cards.goal = 'retention' and cards.status = 'live' and scores.account_id = '{account}'
"""

CAUSES = """
select cause, metric, points from marts.fct_score_changes
where account_id = '{account}' and score_date = '{day}' and days_back = 28
order by abs(points) desc, metric
"""


def weighed(drivers: Iterable[Record]) -> tuple[Fraction, Fraction]:
    """The weight that counts, and the mean of the points."""
    pairs = [
        (Fraction(d["weight"]), Fraction(d["metric_score"]))
        for d in drivers
        if d["metric_score"] is not None
    ]
    weight = sum(weight for weight, _ in pairs)
    return weight, sum(weight * points for weight, points in pairs) / weight


def worked_cause(change: Record, cause: Record, then: Record, now: Record, mean: str) -> list[str]:
    """The line of a cause: what it was then and now, and the sum."""
    if cause["cause"] == "cap":
        ends = [change["cap_then"], change["cap_now"]]
        names = ("capped_now", "computed_now", "capped_then", "computed_then")
        worked = "({} - {}) - ({} - {})".format(*(change[name] for name in names))
    else:
        old, new = then[cause["metric"]], now[cause["metric"]]
        ends = [
            "unknown" if one["metric_value"] is None else text_of(one["metric_value"])
            for one in (old, new)
        ]
        before, after = (
            None if one["metric_score"] is None else text_of(one["metric_score"])
            for one in (old, new)
        )
        sign = "-" if after is None else ""
        difference = f"{before} - {mean}" if after is None else f"{after} - {before or mean}"
        worked = f"{sign}{text_of(new['weight'])} x ({difference})"
        worked += f" / {text_of(weighed(now.values())[0])}"
    return [cause["cause"], cause["metric"] or "", *ends, worked, text_of(cause["points"])]


def change_of(run: Run, account: str) -> str:
    """What the page should say about the change of an account."""
    [change] = records(run, CHANGE.format(account=account))
    where = {"account": account, "scorecard": change["scorecard"]}
    then, now = (
        {
            driver["metric"]: driver
            for driver in records(run, DRIVERS.format(day=change[end], **where))
        }
        for end in ("earlier_date", "score_date")
    )
    mean = text_of(rounded(weighed(then.values())[1], 4))
    causes = records(run, CAUSES.format(account=account, day=change["score_date"]))
    lines = [worked_cause(change, cause, then, now, mean) for cause in causes]
    total = change["health_now"] - change["health_then"]
    lines.append(["all", "", str(change["health_then"]), str(change["health_now"])])
    lines[-1] += [f"{change['health_now']} - {change['health_then']}", text_of(total)]
    head = [account, str(change["earlier_date"]), str(change["score_date"])]
    head += [text_of(weighed(now.values())[0]), mean]
    names = ["account", "then", "now", "weight that counts now", "mean then"]
    return "\n\n".join(
        [
            markdown(names, [head]),
            markdown(["cause", "metric", "then", "now", "worked", "points"], lines),
        ]
    )


def changes_on_the_page() -> str:
    [found] = re.findall(f"{CHANGES_BEGIN}\n(.*?){CHANGES_END}", page(), flags=re.S)
    return found.strip()


def test_the_worked_changes_are_what_was_computed(sample_run: Run) -> None:
    """Fails with the tables as they should be."""
    expected = "\n\n".join(change_of(sample_run, account) for account in CHANGED_ACCOUNTS)
    print(expected)
    assert changes_on_the_page() == expected, "Copy the tables below into docs/scoring.md."


def test_the_points_of_the_worked_changes_follow_and_add_up() -> None:
    """What rounding adds or takes, less than a cent, is with the metric that moved most."""
    found = tables(changes_on_the_page())
    kinds = set()
    for causes in found[1::2]:
        *parts, total = causes
        assert sum(Fraction(row["points"]) for row in parts) == Fraction(total["points"])
        assert evaluated(total["worked"]) == Fraction(total["points"])
        largest = next(row for row in parts if row["metric"])
        for row in parts:
            off = abs(evaluated(row["worked"]) - Fraction(row["points"]))
            assert off <= Fraction("0.01" if row is largest else "0.0001"), row
        kinds |= {row["cause"] for row in parts}
    assert kinds >= {"behaviour", "coverage", "cap"}


def test_the_causes_are_those_of_the_mart() -> None:
    """In the order of the contract of fct_score_changes."""
    contract = (ROOT / "models/marts/_marts_facts__models.yml").read_text(encoding="utf-8")
    [values] = re.findall(r"cause in \((.*)\)", contract)
    assert [row["cause"] for row in tables(sections()["Why a score moved"])[0]] == values.replace(
        "'", ""
    ).split(", ")
