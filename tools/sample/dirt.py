"""The faults that are planted on the invented accounts, on purpose and always the same."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sample.contract import COLUMNS, Row


@dataclass(frozen=True)
class Dirt:
    """One fault, planted on a row of the account with that number (counted from 0; -1 is the last),
    or of the next account that has so many rows in the input.

    `edit` changes the row in place, `outdated` puts an older version before it, `resent` repeats
    it, `extra` adds a changed copy. {} in a cell stands for what was there.
    """

    table: str
    account: int
    row: int
    how: str
    cells: dict[str, str]


def dirt(table: str, account: int, row: int, how: str, **cells: str) -> Dirt:
    return Dirt(table, account, row, how, cells)


DIRT = (
    dirt("accounts", 7, 0, "edit", account_id=" {} "),
    dirt("accounts", 12, 0, "edit", industry="N/A"),
    dirt("accounts", 19, 0, "edit", owner="-"),
    dirt("accounts", 23, 0, "edit", region="null"),
    dirt("accounts", 26, 0, "edit", is_test="maybe"),
    dirt("accounts", 34, 0, "edit", parent_account_id="acct_lost"),
    dirt("accounts", 15, 0, "outdated", owner="Rafe Ombry"),
    dirt("accounts", 21, 0, "resent"),
    dirt("accounts", 10, 0, "extra", account_id=""),
    dirt("accounts", 28, 0, "extra", account_id="acct_bad1", created_at="13/02/2026"),
    dirt("accounts", 36, 0, "extra", account_id="acct_bad2", created_at="1900-01-01"),
    dirt("accounts", 45, 0, "extra", account_id="acct_bad3", deleted_at="2001-05-01"),
    dirt("subscriptions", 16, -1, "edit", seats="ten"),
    dirt("subscriptions", 20, -1, "edit", seats="{}.0"),
    dirt("subscriptions", 27, -1, "edit", mrr="-250.00"),
    dirt("subscriptions", 38, -1, "edit", currency="XXX"),
    dirt("subscriptions", 44, -1, "edit", auto_renew="perhaps"),
    dirt("subscriptions", 49, -1, "edit", term_ends_at="next spring"),
    dirt("subscriptions", 53, -1, "edit", account_id="  {}"),
    dirt("subscriptions", 18, 0, "outdated", plan="starter"),
    dirt("subscriptions", 24, 0, "resent"),
    dirt("subscriptions", 29, 0, "extra", subscription_id="S-bad-1", ended_at="2001-01-01"),
    dirt("subscriptions", 33, 0, "extra", subscription_id="S-bad-2", account_id="acct_lost"),
    dirt("subscriptions", 37, 0, "extra", subscription_id="S-bad-3", account_id="n/a"),
    dirt("subscriptions", 41, 0, "extra", subscription_id="S-bad-4", started_at="1900-01-01"),
    dirt("subscriptions", 46, 0, "extra", subscription_id="S-bad-5", started_at="13/02/2026"),
    dirt("support_tickets", 11, 1, "edit", csat_score="0"),
    dirt("support_tickets", 17, 0, "edit", csat_score="9"),
    dirt("support_tickets", 22, 1, "edit", priority="blocker"),
    dirt("support_tickets", 30, 0, "edit", reopen_count="-1"),
    dirt("support_tickets", 35, 0, "edit", first_response_at="pending"),
    dirt("support_tickets", 40, 0, "edit", priority=" HIGH "),
    dirt("support_tickets", 43, 2, "edit", opened_at="{}+02:00"),
    dirt("support_tickets", 14, 2, "outdated", solved_at="", csat_score="", reopen_count="0"),
    dirt("support_tickets", 47, 1, "outdated", priority="low"),
    dirt("support_tickets", 50, 0, "resent"),
    dirt("support_tickets", 25, 0, "extra", ticket_id="T-bad-1", account_id="acct_lost"),
    dirt("support_tickets", 32, 0, "extra", ticket_id="T-bad-2", solved_at="2020-02-02"),
    dirt("support_tickets", 39, 0, "extra", ticket_id="T-bad-3", opened_at="?"),
    dirt("survey_responses", 13, 0, "edit", user_id="N/A"),
    dirt("survey_responses", 42, 1, "edit", user_id="-"),
    dirt("survey_responses", 48, 0, "edit", survey_type="NPS", score="8"),
    dirt("survey_responses", 51, 0, "resent"),
    dirt("survey_responses", 9, 0, "extra", response_id="R-bad-1", survey_type="nps", score="11"),
    dirt("survey_responses", 15, 0, "extra", response_id="R-bad-2", survey_type="nps", score="7.5"),
    dirt("survey_responses", 24, 0, "extra", response_id="R-bad-3", survey_type="csat", score="0"),
    dirt("survey_responses", 33, 0, "extra", response_id="R-bad-4", survey_type="effort"),
    dirt("survey_responses", 37, 0, "extra", response_id="R-bad-5", score="good"),
    dirt("survey_responses", 52, 0, "extra", response_id="R-bad-6", account_id="acct_lost"),
    dirt("invoices", 18, 0, "edit", due_at="31/12/2025"),
    dirt("invoices", 29, 0, "outdated", paid_at=""),
    dirt("invoices", 41, 0, "resent"),
    dirt("invoices", 10, 0, "extra", invoice_id="I-bad-1", currency="XXX"),
    dirt("invoices", 23, 0, "extra", invoice_id="I-bad-2", kind="deposit"),
    dirt("invoices", 34, 0, "extra", invoice_id="I-bad-3", amount="1,200.00"),
    dirt("invoices", 46, 0, "extra", invoice_id="I-bad-4", amount=""),
    dirt("invoices", 54, 0, "extra", invoice_id="I-bad-5", account_id="acct_lost"),
    dirt("csm_assessments", 12, 0, "edit", author="none"),
    dirt("csm_assessments", 20, 0, "resent"),
    dirt("csm_assessments", 26, 0, "extra", assessment_id="A-bad-1", sentiment="6"),
    dirt("csm_assessments", 38, 0, "extra", assessment_id="A-bad-2", sentiment="4.5"),
    dirt("usage_events", 11, 40, "edit", user_id="N/A"),
    dirt("usage_events", 16, 25, "edit", user_id="-"),
    dirt("usage_events", 22, 30, "edit", account_id=" {} "),
    dirt("usage_events", 27, 10, "edit", duration_seconds="-60"),
    dirt("usage_events", 30, 15, "edit", event_count="0"),
    dirt("usage_events", 35, 20, "resent"),
    dirt("usage_events", 40, 50, "resent"),
    dirt("usage_events", 13, 60, "extra", event_id="bad-1", account_id="acct_lost"),
    dirt("usage_events", 19, 35, "extra", event_id="bad-2", account_id="acct_gone"),
    dirt("usage_events", 25, 45, "extra", event_id="bad-3", feature=""),
    dirt("usage_events", 32, 55, "extra", event_id="bad-4", feature="  "),
    dirt("usage_events", 36, 12, "extra", event_id=""),
    dirt("usage_events", 43, 18, "extra", event_id="bad-6", event_at="1900-01-01 00:00:00"),
)


def earlier(timestamp: str) -> str:
    return str(datetime.fromisoformat(timestamp) - timedelta(hours=1))


def soil(rows: list[Row], fault: Dirt) -> list[Row]:
    """The rows of one account in one input with the fault planted."""
    columns = COLUMNS[fault.table]
    original = rows[fault.row]
    cells = dict(zip(columns, original, strict=True))
    for column, value in fault.cells.items():
        cells[column] = value.replace("{}", cells[column])
    if fault.how == "outdated":
        for column in ("updated_at", "_loaded_at"):
            cells[column] = earlier(cells[column])
    changed = tuple(cells[column] for column in columns)
    shown = {
        "edit": [changed],
        "outdated": [changed, original],
        "resent": [original, original],
        "extra": [original, changed],
    }[fault.how]
    at = fault.row % len(rows)
    return rows[:at] + shown + rows[at + 1 :]


def plant(rows: list[Row], number: int, pending: list[Dirt]) -> list[Row]:
    """Plant what is due at this account; what does not fit stays pending for the next one."""
    size = len(rows)
    due = [f for f in pending if f.account <= number and -size <= f.row < size]
    for fault in sorted(due, key=lambda f: f.row % size, reverse=True):
        rows = soil(rows, fault)
        pending.remove(fault)
    return rows
