"""The published tables, as they are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from recompute.dates import CHANGE_DAYS
from recompute.names import (
    ACTION_COLUMNS,
    COMPONENTS,
    METRIC_TABLES,
    PARENT_COLUMNS,
    ROLL_UP_COLUMNS,
    names,
)

SCORE_COLUMNS = tuple(f"{component}_score" for component in COMPONENTS)
CHANGE_COLUMNS = tuple(f"score_change_{days}d" for days in CHANGE_DAYS)
RANKED = 3
DRAG_COLUMNS = tuple(f"drag_{i + 1}" for i in range(RANKED))
STRENGTH_COLUMNS = tuple(f"strength_{i + 1}" for i in range(RANKED))
# Compared only where the warehouse fills them.
OPTIONAL_COLUMNS = frozenset({"expansion_score", *CHANGE_COLUMNS, *DRAG_COLUMNS, *STRENGTH_COLUMNS})


@dataclass
class Table:
    """A published table: rows by key, cells in the order of `columns`."""

    name: str
    schema: str
    key_columns: tuple[str, ...]
    columns: tuple[str, ...]
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)

    def row(self, *key: Any) -> dict[str, Any]:
        """One row, by its key, as a dict of columns."""
        return dict(zip(self.columns, self.rows[key], strict=True))


def make_tables() -> dict[str, Table]:
    """The compared tables, empty. rejected_records has all columns as key and a count as row."""
    rejected = names("input record_key account_id action reason column_name loaded_at")
    reconciled = names("raw_rows accepted_rows duplicate_rows rejected_rows blanked_cells")
    scores = names(
        "goal segment computed_score capped_score health_score grade coverage score_low"
        " score_high cap override_id"
    )
    drivers = names(
        "segment component metric_value metric_score weight effective_weight contribution"
        " points_lost is_missing"
    )
    customer = names(
        "account_name parent_account_id owner industry region segment plan seats mrr arr is_trial"
        " tenure_days renewal_date days_to_renewal score_date health_score computed_score"
        " capped_score grade label colour response coverage score_low score_high cap override_id"
    )
    on_date = ("account_id", "score_date")
    tables = [
        Table("source_reconciliation", "marts", ("input",), reconciled),
        Table("rejected_records", "marts", rejected, ("rows",)),
        *(Table(name, "metrics", on_date, metrics) for name, metrics in METRIC_TABLES.items()),
        Table("fct_health_scores", "marts", (*on_date, "scorecard"), (*scores, *SCORE_COLUMNS)),
        Table("fct_health_drivers", "marts", (*on_date, "scorecard", "metric"), drivers),
        Table(
            "customer_health",
            "marts",
            ("account_id",),
            (
                *customer,
                *SCORE_COLUMNS,
                "expansion_score",
                *CHANGE_COLUMNS,
                *DRAG_COLUMNS,
                *STRENGTH_COLUMNS,
                "recommended_playbook",
                "data_through",
            ),
        ),
        Table("fct_recommended_actions", "marts", ("account_id", "playbook"), ACTION_COLUMNS),
        Table(
            "fct_score_changes",
            "marts",
            (*on_date, "days_back", "cause", "metric"),
            names("earlier_date component points"),
        ),
        Table("segment_health", "marts", ("segment", "score_date"), ROLL_UP_COLUMNS),
        Table("owner_health", "marts", ("owner", "score_date"), ROLL_UP_COLUMNS),
        Table(
            "parent_health",
            "marts",
            ("parent_account_id", "score_date"),
            (*ROLL_UP_COLUMNS, *PARENT_COLUMNS),
        ),
    ]
    return {table.name: table for table in tables}
