"""Names that the seeds and the published tables share."""

from __future__ import annotations


class UsageError(Exception):
    """Something the caller must put right: a wrong option, a missing file, an unusable seed."""


def names(text: str) -> tuple[str, ...]:
    """Names written with blanks between them."""
    return tuple(text.split())


# The table of each metric; the component comes from metrics.csv.
METRIC_TABLES = {
    "metrics_usage": names(
        "licence_utilisation_28d core_feature_adoption_28d setup_completion"
        " compliance_feature_days_28d active_days_28d stickiness_28d minutes_per_user_28d"
        " usage_change_28d days_since_last_activity login_interval_days_90d"
    ),
    "metrics_support": names(
        "tickets_per_100_seats_90d urgent_ticket_share_90d open_tickets oldest_open_ticket_days"
        " oldest_urgent_ticket_days median_resolution_hours_90d reopened_ticket_share_90d"
        " ticket_csat_90d"
    ),
    "metrics_sentiment": names("nps_180d csat_180d csm_sentiment_90d"),
    "metrics_revenue": names(
        "mrr_change_90d days_overdue recurring_revenue_share_365d days_to_renewal"
        " auto_renew_share renewals_and_upsells_365d"
    ),
}
METRICS = tuple(metric for metrics in METRIC_TABLES.values() for metric in metrics)
COMPONENTS = ("adoption", "engagement", "support", "sentiment", "revenue", "renewal")
COLOURS = names("green yellow red grey")
ROLL_UP_COLUMNS = (
    *names("accounts scored_accounts accounts_with_arr arr mean_score arr_weighted_score"),
    *names("worst_account_id worst_account_name worst_score"),
    *(f"{colour}_{what}" for colour in COLOURS for what in ("accounts", "share", "arr")),
    *names("mean_coverage arr_weighted_coverage"),
    *names("compared_accounts_28d score_change_28d arr_weighted_change_28d"),
)
PARENT_COLUMNS = names("parent_account_name levels_below is_parent_cycle_cut")
ACTION_COLUMNS = names(
    "account_name segment owner action_rank goal priority action reason owner_role arr health_score"
    " score_date due_date"
)
