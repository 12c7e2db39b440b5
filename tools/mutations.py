"""Break each rule of scoring and of the nightly refresh once, and see the test that guards it fail.

Usage:
    python tools/mutations.py            # all of them: a build first, then some 5 seconds each
    python tools/mutations.py curve      # those whose rule contains the word
    python tools/mutations.py refresh

Each mutation changes one place of a copy of the project; the named test, of dbt or in Python, runs
there and has to fail. The list is also where to look up which test guards which rule. Exit 0 when
every break was noticed, 1 when one went unnoticed, 2 when no rule contains the word.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from project import ROOT, Run, build, copy_project, dbt


@dataclass(frozen=True)
class Mutation:
    """One deliberate break: in `file`, `old` becomes `new`; `guard` is the test that sees it."""

    rule: str
    file: str
    old: str
    new: str
    guard: str
    rebuild: str = ""  # models to build again before the guard (data tests look at tables)


# Of the refresh: what each of its tests is for.
REFRESH = [
    Mutation(
        "refresh: the same data are said to be new",
        "scripts/customer_health/refresh/publishing.py",
        "is_changed = data_hashes(folder) != hashes_of_data(previous)",
        "is_changed = True",
        "test_refresh.py::test_nothing_new_publishes_the_same_bytes_and_says_so",
    ),
    Mutation(
        "refresh: formulas stay formulas",
        "scripts/customer_health/refresh/publishing.py",
        r"([=+@\-",
        r"([+@\-",
        "test_refresh.py::test_a_cell_that_looks_like_a_formula_is_text_in_the_csv",
    ),
    Mutation(
        "refresh: two runs at once",
        "scripts/customer_health/refresh/locking.py",
        "fcntl.LOCK_EX |",
        "fcntl.LOCK_SH |",
        "test_refresh.py::test_a_second_run_says_who_is_running",
    ),
    Mutation(
        "refresh: rejected rows are no matter",
        "scripts/customer_health/refresh/profiles.py",
        "rejection_reason is not null and rejection_reason not in {UNMATCHED}",
        "false and rejection_reason not in {UNMATCHED}",
        "test_audits.py::test_an_audit_flags_what_it_is_for",
    ),
    Mutation(
        "refresh: few accounts are judged",
        "scripts/customer_health/refresh/findings.py",
        "if rows >= max(1, row.min_rows)]",
        "]",
        "test_audits.py::test_of_too_few_rows_nothing_is_said",
    ),
    Mutation(
        "refresh: a gone column is landed",
        "scripts/customer_health/refresh/landing.py",
        "drifted := drift(plan.arrival, plan.before)",
        "drifted := []",
        "test_refresh.py::test_a_required_column_that_is_gone_stops_before_anything_of_the_input_is_landed",
    ),
    Mutation(
        "refresh: another type is landed",
        "scripts/customer_health/refresh/landing.py",
        'if now not in ("text", was, *FITTING[column.type]):',
        "if False:",
        "test_refresh.py::test_a_required_column_of_another_type_stops",
    ),
    Mutation(
        "refresh: user ids are landed as they are",
        "scripts/customer_health/refresh/privacy.py",
        'return "u_" + self.digest("user", user_id.strip())[:32]',
        "return user_id",
        "test_refresh.py::test_user_ids_are_stored_as_pseudonyms",
    ),
    Mutation(
        "refresh: files for everybody",
        "scripts/customer_health/refresh/publishing.py",
        "path.chmod(0o640)",
        "path.chmod(0o644)",
        "test_refresh.py::test_a_state_is_published",
    ),
    Mutation(
        "refresh: a newer storage version",
        "scripts/customer_health/refresh/publishing.py",
        'STORAGE_VERSION = "v1.4.0"',
        'STORAGE_VERSION = "v1.5.0"',
        "test_refresh.py::test_a_state_is_published",
    ),
    Mutation(
        "refresh: all drivers are published",
        "scripts/customer_health/refresh/publishing.py",
        'if name != "fct_health_drivers":',
        "if True:",
        "test_refresh.py::test_drivers_are_published_for_so_many_weeks",
    ),
    Mutation(
        "refresh: a rehearsal lands",
        "scripts/customer_health/refresh/run.py",
        "                self.options.dry_run,\n",
        "                False,\n",
        "test_refresh.py::test_a_dry_run_writes_nothing",
    ),
    Mutation(
        "refresh: any key will do",
        "scripts/customer_health/refresh/privacy.py",
        "if known and known != key.check_value:",
        "if False:",
        "test_refresh.py::test_another_key_is_refused",
    ),
    Mutation(
        "refresh: no key is needed",
        "scripts/customer_health/refresh/privacy.py",
        "    if key is None:\n        raise",
        "    key = key or Key(b'')\n    if key is None:\n        raise",
        "test_refresh.py::test_without_a_key_no_user_is_landed",
    ),
    Mutation(
        "refresh: the key is handed to dbt",
        "scripts/customer_health/dbt_runner.py",
        "if k not in secrets and not",
        "if not",
        "test_refresh.py::test_dbt_does_not_know_the_key_nor_other_settings_of_dbt",
    ),
    Mutation(
        "refresh: a damaged file is not built anew",
        "scripts/customer_health/dbt_runner.py",
        '        "not a valid DuckDB database file",\n',
        "",
        "test_refresh.py::test_a_damaged_working_file_is_built_anew",
    ),
    Mutation(
        "refresh: damaged published files are trusted",
        "scripts/customer_health/refresh/publishing.py",
        "    if not hashes:\n        return MANIFEST\n",
        '    return ""\n',
        "test_refresh.py::test_what_was_published_and_is_damaged_is_not_compared_with",
    ),
    Mutation(
        "refresh: published versions keep the erased",
        "scripts/customer_health/refresh/erasing.py",
        "        erase_published(settings, erased, receipt)\n",
        "",
        "test_erase.py::test_who_is_erased_is_found_before_and_not_after",
    ),
    Mutation(
        "refresh: the inbox keeps the erased",
        "scripts/customer_health/refresh/erasing.py",
        "        erase_inbox(settings, erased, receipt)\n",
        "",
        "test_erase.py::test_who_is_erased_is_found_before_and_not_after",
    ),
    Mutation(
        "refresh: artifacts keep the erased",
        "scripts/customer_health/refresh/erasing.py",
        "            erase_artifacts(settings, root, receipt)\n",
        "",
        "test_erase.py::test_who_is_erased_is_found_before_and_not_after",
    ),
    Mutation(
        "refresh: sentences keep the erased",
        "scripts/customer_health/refresh/erasing.py",
        "        elif name in named or name in unknown:\n",
        "        elif name in ():\n",
        "test_erase.py::test_who_is_erased_is_found_before_and_not_after",
    ),
    Mutation(
        "refresh: the erased come back in sentences",
        "scripts/customer_health/refresh/privacy.py",
        "gone.append((start, found))",
        "pass",
        "test_privacy.py::test_who_is_erased_stays_away_in_every_shape",
    ),
    Mutation(
        "refresh: the erased come back in capitals",
        "scripts/customer_health/refresh/privacy.py",
        "spellings = [texts, [folded(text) for text in texts]]",
        "spellings = [texts]",
        "test_privacy.py::test_who_is_erased_stays_away_in_every_shape",
    ),
    Mutation(
        "refresh: an id is part of a longer word",
        "scripts/customer_health/refresh/erasing.py",
        r"($|[^\pL\pN])",
        "()",
        "test_privacy.py::test_an_id_is_found_in_every_shape_and_in_no_longer_word",
    ),
    Mutation(
        "refresh: the erased are forgotten with a file",
        "scripts/customer_health/refresh/erasing.py",
        "    if lost:\n",
        "    if False:\n",
        "test_privacy.py::test_a_memory_that_is_lost_stops_and_can_be_rebuilt",
    ),
    Mutation(
        "refresh: a key that can be guessed will do",
        "scripts/customer_health/refresh/privacy.py",
        "if key.weakness and Memory",
        "if False and Memory",
        "test_privacy.py::test_an_installation_with_a_weak_key_goes_on_and_is_warned",
    ),
    Mutation(
        "refresh: e-mail addresses of unknown columns are kept",
        "scripts/customer_health/refresh/personal.py",
        "addresses = of_addresses(others, rows)",
        "addresses = set()",
        "test_privacy.py::test_columns_that_look_personal_are_not_kept_and_told_once",
    ),
    Mutation(
        "refresh: a deleted log stays deleted",
        "scripts/customer_health/refresh/publishing.py",
        "    done += restore_log(settings)\n",
        "",
        "test_published_log.py::test_a_log_that_is_deleted_is_written_anew",
    ),
    Mutation(
        "refresh: what no log names was never shown",
        "scripts/customer_health/refresh/publishing.py",
        "    if times_shown(version.folder) or version.is_current:\n        return True\n",
        "",
        "test_published_log.py::test_the_log_may_go_after_readers_went_back",
    ),
    Mutation(
        "refresh: a pinned version is removed",
        "scripts/customer_health/refresh/publishing.py",
        "    stays |= {pin.run_id} if pin else set()\n",
        "",
        "test_published_log.py::test_a_pinned_version_is_never_removed",
    ),
    Mutation(
        "refresh: a pin does not hold",
        "scripts/customer_health/refresh/run.py",
        "        self.refuse_pinned()\n",
        "",
        "test_refresh.py::test_while_a_version_is_pinned_runs_build_and_do_not_publish",
    ),
    Mutation(
        "refresh: what begins like the working file goes with it",
        "scripts/customer_health/refresh/erasing.py",
        "if damaged.fullmatch(p.name)",
        "if p.name.startswith(path.name)",
        "test_deletions.py::test_erasing_leaves_what_only_begins_like_the_working_file",
    ),
    Mutation(
        "refresh: terminals are driven",
        "scripts/customer_health/console.py",
        "c.isprintable() or",
        "True or",
        "test_hostile.py::test_no_terminal_is_driven",
    ),
    Mutation(
        "refresh: what was set back is compared with what was never published",
        "scripts/customer_health/refresh/publishing.py",
        "if run_order(version.run_id) <= run_order(run_id):",
        "if True:",
        "test_refresh.py::test_an_earlier_run_can_be_shown_again",
    ),
    Mutation(
        "refresh: a version that was never shown stays",
        "scripts/customer_health/refresh/publishing.py",
        "            shutil.rmtree(entry, ignore_errors=True)\n            done.append",
        "            done.append",
        "test_refresh.py::test_a_version_that_was_never_shown_is_removed",
    ),
    Mutation(
        "refresh: what was said is said twice",
        "scripts/customer_health/refresh/publishing.py",
        "        elif is_changed:\n",
        "        else:\n",
        "test_refresh.py::test_nothing_new_publishes_the_same_bytes_and_says_so",
    ),
    Mutation(
        "refresh: a file that grows is landed",
        "scripts/customer_health/refresh/landing.py",
        "return sha256_of(arrival.path) != arrival.sha256",
        "return False",
        "test_landing.py::test_a_file_that_is_still_written_is_left_for_the_next_run",
    ),
]

MUTATIONS = [
    Mutation(
        "alerts: a cap may be what moved the score",
        "models/scoring/alert_episodes.sql",
        "cause <> 'unchanged'",
        "cause in ('behaviour', 'coverage')",
        "a_stretch_within_the_cooldown_reopens_and_a_mass_is_a_storm",
    ),
    Mutation(
        "linear curve",
        "macros/percentage_of_span.sql",
        "to_units(part, 6), to_units(span, 6), 4, 2)",
        "to_units(part, 6), '101 * ' ~ to_units(span, 6), 4, 4)",
        "curves_turn_values_into_points",
    ),
    Mutation(
        "banded curve",
        "macros/score_of_progress.sql",
        "> 0 then 50",
        "> 0 then 51",
        "curves_turn_values_into_points",
    ),
    Mutation(
        "curve ends are inclusive",
        "macros/score_of_progress.sql",
        "{{ progress }} = {{ span }} then",
        "{{ progress }} > {{ span }} then",
        "curves_turn_values_into_points",
    ),
    Mutation(
        "target curve: both sides",
        "macros/metric_progress.sql",
        "- abs({{ value }} - {{ healthy_at }})",
        "- abs({{ value }} - {{ poor_at }})",
        "a_target_is_missed_on_both_sides",
    ),
    Mutation(
        "target curve: 0 from the distance on",
        "macros/metric_progress.sql",
        "{{ healthy_at }}) >= abs(",
        "{{ healthy_at }}) > 2 * abs(",
        "a_target_is_missed_on_both_sides",
    ),
    Mutation(
        "percentile: equal ones count half",
        "models/scoring/percentile_ranks.sql",
        "* (lower_peers - higher_peers)",
        "* (2 * lower_peers - all_peers)",
        "a_percentile_is_a_rank_among_peers",
    ),
    Mutation(
        "percentile: the catalogue's direction",
        "models/scoring/percentile_ranks.sql",
        "when better = 'higher' then 1",
        "when better = 'lower' then 1",
        "a_percentile_is_a_rank_among_peers",
    ),
    Mutation(
        "percentile: peers of the same date",
        "models/scoring/percentile_ranks.sql",
        "partition by score_date, segment",
        "partition by segment",
        "a_percentile_is_a_rank_among_peers",
    ),
    Mutation(
        "percentile: peers of the same segment",
        "models/scoring/percentile_ranks.sql",
        "partition by score_date, segment, ",
        "partition by score_date, ",
        "a_percentile_is_a_rank_among_peers",
    ),
    Mutation(
        "percentile: unknown values are no peers",
        "models/scoring/percentile_ranks.sql",
        "where metric_value is not null",
        "where true",
        "a_percentile_is_a_rank_among_peers",
    ),
    Mutation(
        "cap: strictly worse",
        "models/scoring/score_limits.sql",
        "metric_value > worse_than",
        "metric_value >= worse_than",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "cap: only in its segment",
        "models/scoring/score_limits.sql",
        "caps.segment in (side_by_side.segment, '*')",
        "true",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "cap: the lowest one",
        "models/scoring/score_limits.sql",
        "order by max_score asc",
        "order by max_score desc",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "cap: ties by name",
        "models/scoring/score_limits.sql",
        ", cap asc",
        ", cap desc",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "cap: named only where it lowers",
        "models/marts/fct_health_scores.sql",
        "when computed.computed_score > score_limits.max_score then score_limits.cap end",
        "when true then score_limits.cap end",
        "a_cap_lowers_and_an_override_decides",
    ),
    Mutation(
        "cap: lowers the score",
        "models/marts/fct_health_scores.sql",
        "then score_limits.max_score",
        "then computed.computed_score",
        "a_cap_lowers_and_an_override_decides",
    ),
    Mutation(
        "override: not on its expiry day",
        "models/scoring/score_limits.sql",
        "side_by_side.score_date < overrides.expires_on",
        "side_by_side.score_date <= overrides.expires_on",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "override: from its first day",
        "models/scoring/score_limits.sql",
        "side_by_side.score_date >= overrides.starts_on",
        "side_by_side.score_date > overrides.starts_on",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "override: the latest start",
        "models/scoring/score_limits.sql",
        "overrides.starts_at desc",
        "overrides.starts_at asc",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "override: ties by id",
        "models/scoring/score_limits.sql",
        "overrides.override_id desc",
        "overrides.override_id asc",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "override: refused ones are none",
        "models/scoring/score_limits.sql",
        "where record_status = 'accepted'",
        "where true",
        "the_lowest_cap_that_holds_and_the_latest_override",
    ),
    Mutation(
        "override: decides the score",
        "models/marts/fct_health_scores.sql",
        "coalesce(override_score, capped_score)",
        "capped_score",
        "a_cap_lowers_and_an_override_decides",
    ),
    Mutation(
        "limits are for retention",
        "models/marts/fct_health_scores.sql",
        "and computed.goal = score_limits.goal",
        "and true",
        "a_cap_lowers_and_an_override_decides",
    ),
    Mutation(
        "expansion score: the live scorecard",
        "models/marts/customer_health.sql",
        "where scorecards.status = 'live'",
        "where true",
        "an_account_shows_its_drags_strengths_and_changes",
    ),
    Mutation(
        "comparison: within a goal",
        "models/marts/fct_scorecard_comparison.sql",
        "and challengers.goal = live.goal",
        "and true",
        "a_challenger_is_compared_with_the_live_scorecard_of_its_goal",
    ),
    Mutation(
        "missing value: score_if_missing",
        "models/scoring/metric_scores.sql",
        "cast(scorecards_wide.{{ name }}_score_if_missing as decimal(7, 4))",
        "cast(coalesce(scorecards_wide.{{ name }}_score_if_missing, 0) as decimal(7, 4))",
        "a_missing_value_has_the_stated_consequence",
    ),
    Mutation(
        "drivers: a missing row has no weight",
        "models/marts/fct_health_drivers.sql",
        "case when {name}_score is not null then {name}_weight else 0 end",
        "coalesce({name}_weight, 0)",
        "drivers_share_the_score_among_them",
    ),
    Mutation(
        "missing row shares its weight",
        "models/marts/fct_health_scores.sql",
        "when {{ name }}_score is not null then {{ name }}_weight\n",
        "when {{ name }}_weight is not null then {{ name }}_weight\n",
        "a_score_is_the_weighted_mean_of_what_is_scored",
    ),
    Mutation(
        "coverage at the minimum suffices",
        "models/marts/fct_health_scores.sql",
        "known_weight >= 100000000 * scorecards.min_coverage",
        "known_weight > 100000000 * scorecards.min_coverage",
        "a_score_is_the_weighted_mean_of_what_is_scored",
    ),
    Mutation(
        "coverage counts known values only",
        "models/marts/fct_health_scores.sql",
        "case when not {name}_is_missing then {name}_scored_weight else 0 end",
        "{name}_scored_weight",
        "a_score_is_the_weighted_mean_of_what_is_scored",
    ),
    Mutation(
        "segment precedence",
        "models/scoring/account_segments.sql",
        "min(segments.priority)",
        "max(segments.priority)",
        "the_lowest_priority_that_matches_decides",
    ),
    Mutation(
        "segment: unknown matches nothing",
        "macros/within_limits.sql",
        ">= segments.min_{{ name }}, segments.min_{{ name }} is null)",
        ">= segments.min_{{ name }}, true)",
        "the_lowest_priority_that_matches_decides",
    ),
    Mutation(
        "grade bounds are inclusive",
        "models/marts/fct_health_scores.sql",
        "judged.health_score >= grades.min_score",
        "judged.health_score > grades.min_score",
        "a_grade_starts_at_its_lower_bound",
    ),
    Mutation(
        "window edge: events",
        "models/metrics/metrics_usage.sql",
        "usage_days.day_number + {{ days }} <=",
        "usage_days.day_number + {{ days + (days == 28) | int }} <=",
        "a_28_day_window_starts_27_days_before",
    ),
    Mutation(
        "window edge: usage before",
        "models/metrics/metrics_usage.sql",
        "usage_days.day_number + {{ days }} <=",
        "usage_days.day_number + {{ days + (days == 56) | int }} <=",
        "a_28_day_window_starts_27_days_before",
    ),
    Mutation(
        "window edge: usage in 90 days",
        "models/metrics/metrics_usage.sql",
        "usage_days.day_number + {{ days }} <=",
        "usage_days.day_number + {{ days + (days == 90) | int }} <=",
        "a_28_day_window_starts_27_days_before",
    ),
    Mutation(
        "usage: users and features count once",
        "models/metrics/metrics_usage.sql",
        "or previous_exit_on < enters_on",
        "or previous_exit_on > enters_on",
        "a_28_day_window_starts_27_days_before",
    ),
    Mutation(
        "window edge: tickets",
        "models/metrics/metrics_support.sql",
        "tickets.opened_day_number >= account_dates.day_number - 89",
        "tickets.opened_day_number >= account_dates.day_number - 90",
        "tickets_count_by_the_date_they_matter_on",
    ),
    Mutation(
        "window edge: surveys",
        "models/metrics/metrics_sentiment.sql",
        "day_number + 179",
        "day_number + 180",
        "only_the_latest_answer_of_a_user_counts",
    ),
    Mutation(
        "dedupe: usage",
        "macros/engine/deduplicate.sql",
        "max(struct_pack(",
        "min(struct_pack(",
        "an_event_sent_twice_counts_once",
    ),
    Mutation(
        "dedupe: newest version",
        "macros/version_rank.sql",
        "updated_at desc nulls last",
        "updated_at asc nulls last",
        "the_newest_version_of_a_key_wins",
    ),
    Mutation(
        "dedupe: valid rows only",
        "macros/version_rank.sql",
        ", rejection is null",
        "",
        "the_newest_version_of_a_key_wins",
    ),
    Mutation(
        "rejection order",
        "models/staging/stg_score_overrides.sql",
        "            when score not between 0 and 100 then 'out_of_range:score'\n",
        "",
        "a_row_is_rejected_for_its_first_fault",
    ),
    Mutation(
        "in force: the end day is without service",
        "models/metrics/account_dates.sql",
        "subscriptions.ended_on > score_dates.score_date",
        "subscriptions.ended_on >= score_dates.score_date",
        "an_account_is_scored_while_it_is_a_customer",
    ),
    Mutation(
        "drivers are weighted by what is scored",
        "models/marts/fct_health_drivers.sql",
        "case when metric_score is null then 0 else {{ to_units('weight', 6) }} end",
        "{{ to_units('weight', 6) }}",
        "drivers_share_the_score_among_them",
    ),
    Mutation(
        "rounding half away from zero",
        "macros/engine/divide_exact.sql",
        "+ case when {{ numerator }} < 0 then -1 else 1 end * {{ d }})",
        ")",
        "assert_ratios_round_half_away_from_zero",
    ),
    Mutation(
        "offsets are converted to UTC",
        "macros/text_to_timestamp.sql",
        "= '-' then 1",
        "= '+' then 1",
        "assert_text_casts_as_specified",
    ),
    Mutation(
        "white space beyond the blank",
        "macros/engine/trim_text.sql",
        "' \\t\\n",
        "' \\n",
        "assert_text_is_trimmed_as_specified",
    ),
    Mutation(
        "nothing is lost",
        "models/activity/usage_event_issues.sql",
        "    rejection_reason is not null\n",
        "    rejection_reason = 'unknown_account'\n",
        "assert_every_raw_row_is_accounted_for",
        rebuild="usage_event_issues rejected_records source_reconciliation",
    ),
    Mutation(
        "the explanation is the computation",
        "models/marts/fct_health_drivers.sql",
        "counted_weight * counted_score",
        "counted_weight * counted_score * 0.99",
        "assert_contributions_add_up_to_the_score",
        rebuild="fct_health_drivers",
    ),
    Mutation(
        "the explanation: a score lies between its limits",
        "models/marts/fct_health_scores.sql",
        "'known_points + 1000000 * (weight - known_weight)'",
        "'known_points + 300000 * (weight - known_weight)'",
        "assert_contributions_add_up_to_the_score",
        rebuild="fct_health_scores",
    ),
    Mutation(
        "no account falls out",
        "models/scoring/metrics_wide.sql",
        "left join {{ ref('metrics_support') }} as",
        "inner join (select * from {{ ref('metrics_support') }} limit 9) as",
        "assert_every_account_date_is_scored",
        rebuild="metrics_wide+",
    ),
    Mutation(
        "as-of date: a stray event does not move it",
        "macros/has_enough_active_accounts.sql",
        "{{ active_accounts }} >= 2",
        "{{ active_accounts }} >= 1",
        "a_stray_event_moves_neither_end_of_the_feed",
    ),
    Mutation(
        "dates: Sundays",
        "models/metrics/score_dates.sql",
        "% 7 = 1",
        "% 7 = 2",
        "without_usage_the_other_records_give_the_dates",
    ),
    Mutation(
        "days earlier: at most 6 days older",
        "models/metrics/score_dates.sql",
        "{{ days + 6 }}",
        "{{ days + 1 }}",
        "without_usage_the_other_records_give_the_dates",
    ),
    Mutation(
        "drags: ties by name",
        "models/marts/customer_health.sql",
        "drivers.points_lost desc, drivers.metric asc",
        "drivers.points_lost desc, drivers.metric desc",
        "an_account_shows_its_drags_strengths_and_changes",
    ),
    Mutation(
        "weights sum to 100",
        "seeds/scoring/scorecard_metrics.csv",
        "licence_utilisation_28d,12,linear",
        "licence_utilisation_28d,12.5,linear",
        "assert_weights_sum_to_100",
        rebuild="scorecard_metrics",
    ),
    Mutation(
        "catalogue and columns agree",
        "macros/metric_columns.sql",
        "'nps_180d', ",
        "",
        "assert_every_metric_of_the_catalogue_is_computed",
    ),
    Mutation(
        "hierarchy: any depth",
        "models/scoring/account_hierarchy.sql",
        "    where links.parent_account_id is not null",
        "    where links.parent_account_id is not null and ancestors.levels_up < 1",
        "a_hierarchy_reaches_any_depth",
    ),
    Mutation(
        "hierarchy: a cycle is cut at its smallest account",
        "models/scoring/account_hierarchy.sql",
        "having min(reached_account_id) = account_id",
        "having max(reached_account_id) = account_id",
        "a_cycle_of_parents_is_cut_at_its_smallest_account",
    ),
    Mutation(
        "roll-up: ARR weighs the score",
        "macros/health_rollup.sql",
        "sum(arr * health_score) as arr_points",
        "sum(health_score) as arr_points",
        "a_segment_is_seen_from_all_sides",
    ),
    Mutation(
        "roll-up: an account without a score weighs nothing",
        "macros/health_rollup.sql",
        "sum(case when health_score is not null then arr end) as scored_arr",
        "sum(arr) as scored_arr",
        "a_segment_is_seen_from_all_sides",
    ),
    Mutation(
        "roll-up: the worst account of a tie",
        "macros/health_rollup.sql",
        "min(members.account_id) as account_id",
        "max(members.account_id) as account_id",
        "a_segment_is_seen_from_all_sides",
    ),
    Mutation(
        "roll-up: only compared accounts have moved",
        "macros/health_rollup.sql",
        "count(health_score - health_score_28d_earlier) as compared_accounts",
        "count(health_score) as compared_accounts",
        "a_segment_is_seen_from_all_sides",
    ),
    Mutation(
        "roll-up: an unknown ARR of a colour is not 0",
        "macros/health_rollup.sql",
        "sums.{{ colour }}_accounts = 0 then 0",
        "sums.{{ colour }}_arr is null then 0",
        "a_segment_is_seen_from_all_sides",
    ),
    Mutation(
        "roll-up: accounts without an owner",
        "models/marts/owner_health.sql",
        "coalesce(owner, '') as group_key",
        "owner as group_key",
        "accounts_without_an_owner_have_a_row_of_their_own",
    ),
    Mutation(
        "roll-up: the parent belongs to its group",
        "models/marts/parent_health.sql",
        "        on hierarchy.account_id = standings.account_id",
        "        on hierarchy.account_id = standings.account_id and hierarchy.levels_up > 0",
        "a_group_is_all_that_is_below_its_parent",
    ),
    Mutation(
        "roll-up: nobody falls out",
        "models/marts/owner_health.sql",
        "    from {{ ref('account_health_daily') }}",
        "    from {{ ref('account_health_daily') }} where owner is not null",
        "assert_roll_ups_count_every_account",
        rebuild="owner_health",
    ),
    Mutation(
        "standing: of the live scorecard",
        "models/scoring/account_health_daily.sql",
        "        and scorecards.status = 'live'",
        "        and scorecards.status <> 'retired'",
        "a_standing_is_that_of_the_live_retention_scorecard",
    ),
    Mutation(
        "playbook: the threshold counts",
        "models/marts/fct_recommended_actions.sql",
        "numbers.number_value <= playbooks.threshold",
        "numbers.number_value < playbooks.threshold",
        "a_playbook_is_for_whom_its_trigger_holds",
    ),
    Mutation(
        "playbook: an unknown value fires nothing",
        "models/marts/fct_recommended_actions.sql",
        "(playbooks.comparison = 'at_or_below' and numbers",
        "(playbooks.comparison = 'at_or_below' and numbers.number_value is null) or (numbers",
        "a_playbook_is_for_whom_its_trigger_holds",
    ),
    Mutation(
        "playbook: only in its segment",
        "models/marts/fct_recommended_actions.sql",
        "playbooks.segment in (accounts.segment, '*')",
        "true",
        "a_playbook_is_for_whom_its_trigger_holds",
    ),
    Mutation(
        "playbook: a worse grade is below",
        "models/marts/fct_recommended_actions.sql",
        "grades.min_score <= wanted.min_score",
        "grades.min_score < 0",
        "a_playbook_is_for_whom_its_trigger_holds",
    ),
    Mutation(
        "playbook: growth is for the healthy",
        "models/marts/fct_recommended_actions.sql",
        "and (playbooks.goal = 'retention' or accounts.is_healthy)",
        "and true",
        "an_account_gets_its_three_best_actions",
    ),
    Mutation(
        "playbook: priority first",
        "models/marts/fct_recommended_actions.sql",
        "                playbooks.priority asc,\n",
        "",
        "an_account_gets_its_three_best_actions",
    ),
    Mutation(
        "playbook: then what costs most points",
        "models/marts/fct_recommended_actions.sql",
        "coalesce(losses.points_lost, 0) desc",
        "coalesce(losses.points_lost, 0) asc",
        "an_account_gets_its_three_best_actions",
    ),
    Mutation(
        "playbook: at most three actions",
        "models/marts/fct_recommended_actions.sql",
        "where action_rank <= 3",
        "where action_rank <= 4",
        "an_account_gets_its_three_best_actions",
    ),
    Mutation(
        "playbook: an alert that holds now",
        "models/marts/fct_recommended_actions.sql",
        "    where signals.is_triggered\n",
        "",
        "an_alert_starts_a_playbook_while_its_condition_holds",
    ),
    Mutation(
        "playbook: the best action is recommended",
        "models/marts/customer_health.sql",
        "where action_rank = 1",
        "where action_rank = 2",
        "an_account_shows_its_drags_strengths_and_changes",
    ),
    Mutation(
        "alert: who was always low does not cross",
        "models/scoring/alert_signals.sql",
        "end and was_on_other_side as is_triggered",
        "end as is_triggered",
        "a_score_crosses_when_it_was_on_the_other_side",
    ),
    Mutation(
        "alert: only in its segment",
        "models/scoring/alert_signals.sql",
        "evaluated_dates.segment in (sides.segment, '*')",
        "true",
        "a_score_crosses_when_it_was_on_the_other_side",
    ),
    Mutation(
        "alert: a fall is over below level and margin",
        "models/scoring/alert_signals.sql",
        "coalesce(drop_in_points < level - reopen_margin, true)",
        "coalesce(drop_in_points < level, true)",
        "a_fall_is_measured_against_the_newest_date_so_long_ago",
    ),
    Mutation(
        "alert: a low score spans the window",
        "models/scoring/alert_signals.sql",
        "and known_in_first_week.account_id is not null as is_triggered",
        "as is_triggered",
        "a_score_stays_below_when_it_spans_the_window",
    ),
    Mutation(
        "alert: a renewal at most so far ahead",
        "models/scoring/alert_signals.sql",
        "between 0 and scores.window_days",
        "between 0 and 1 + scores.window_days",
        "coverage_and_renewals_are_watched",
    ),
    Mutation(
        "alert: a date is evaluated once",
        "models/scoring/alert_signals.sql",
        "or score_dates.score_date > seen.evaluated_through",
        "or score_dates.score_date >= seen.evaluated_through",
        "every_date_that_the_memory_has_not_seen_is_evaluated",
    ),
    Mutation(
        "alert: hysteresis",
        "models/scoring/alert_stretches.sql",
        "where is_on <> was_on",
        "where true",
        "a_stretch_lasts_until_it_recovers_or_has_no_signal",
    ),
    Mutation(
        "alert: who has left has no alert",
        "models/scoring/alert_stretches.sql",
        "where next_index > date_index + 1",
        "where next_index > date_index + 99",
        "a_stretch_lasts_until_it_recovers_or_has_no_signal",
    ),
    Mutation(
        "alert: drivers in its direction",
        "models/scoring/alert_episodes.sql",
        "changes.points else -changes.points",
        "changes.points else changes.points",
        "a_stretch_within_the_cooldown_reopens_and_a_mass_is_a_storm",
    ),
    Mutation(
        "alert: cooldown",
        "models/scoring/alert_episodes.sql",
        "< rules.cooldown_days",
        "< 0 * rules.cooldown_days",
        "a_stretch_within_the_cooldown_reopens_and_a_mass_is_a_storm",
    ),
    Mutation(
        "alert: a mass is a storm",
        "models/scoring/alert_episodes.sql",
        "> storm_rule.level * scored_per_date.account_count",
        "> 2 * storm_rule.level * scored_per_date.account_count",
        "a_stretch_within_the_cooldown_reopens_and_a_mass_is_a_storm",
    ),
    Mutation(
        "alert: what is known reopens in a storm",
        "models/scoring/alert_episodes.sql",
        "max(case when not is_shown then storm_id end)",
        "max(storm_id)",
        "a_stretch_within_the_cooldown_reopens_and_a_mass_is_a_storm",
    ),
    Mutation(
        "change: what joins is measured from the mean",
        "models/marts/fct_score_changes.sql",
        "then counted_score * earlier_scored_weight - earlier_points",
        "then counted_score * earlier_scored_weight",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: what leaves the mean is its distance from it",
        "models/marts/fct_score_changes.sql",
        "then earlier_points - earlier_score * earlier_scored_weight",
        "then earlier_score * earlier_scored_weight - earlier_points",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: the rest of the first division counts",
        "models/marts/fct_score_changes.sql",
        "(weighted_distance % divisor * earlier_divisor + weighted_rest)",
        "(weighted_distance % divisor * earlier_divisor)",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: the rest of the second division counts",
        "models/marts/fct_score_changes.sql",
        "(weighted_distance % divisor * earlier_divisor + weighted_rest)",
        "(weighted_rest)",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: rounding goes to the largest cause",
        "models/marts/fct_score_changes.sql",
        "min(points_order) as first_order",
        "max(points_order) as first_order",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: of equal causes rounding goes to the first by name",
        "models/marts/fct_score_changes.sql",
        "metric_order - 1000 * {{ to_units('abs(points)', 6) }}",
        "0 - metric_order - 1000 * {{ to_units('abs(points)', 6) }}",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: by hand is all without two scores",
        "models/marts/fct_score_changes.sql",
        "coalesce(scores.capped_score - earlier.capped_score, 0) as override_points",
        "(scores.capped_score - earlier.capped_score) as override_points",
        "a_change_is_split_into_its_causes",
    ),
    Mutation(
        "change: a rank of now stands in after a move",
        "models/marts/fct_score_changes.sql",
        "when is_rank then counted_score_now",
        "when not is_rank then counted_score_now",
        "after_a_move_the_earlier_values_are_judged_by_the_new_segment",
    ),
]


def broken_project(mutation: Mutation, folder: Path) -> Path:
    """A copy of the project with the mutation in it; an error if its place is gone."""
    project = copy_project(folder)
    path = project / mutation.file
    text = path.read_text(encoding="utf-8")
    if mutation.old not in text:
        raise SystemExit(f"{mutation.rule}: {mutation.file} no longer has {mutation.old!r}")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    return project


def run_guard(mutation: Mutation, baseline: Run, folder: Path) -> Run:
    """Run the guarding test in the broken project, on a copy of the warehouse built before."""
    project = broken_project(mutation, folder / "project")
    if ".py::" in mutation.guard:
        return pytest_guard(mutation.guard, project, folder)
    workspace = folder / "work"
    workspace.mkdir()
    shutil.copy(baseline.warehouse, workspace / "warehouse.duckdb")
    if mutation.rebuild:
        selected = ["--select", *mutation.rebuild.split(), "--exclude-resource-type", "test"]
        built = dbt(
            "build",
            *selected,
            "--exclude-resource-type",
            "unit_test",
            project=project,
            workspace=workspace,
        )
        if built.returncode:
            raise SystemExit(f"{mutation.rule}: the broken project does not build\n{built.output}")
    return dbt("test", "--select", mutation.guard, project=project, workspace=workspace)


def pytest_guard(guard: str, project: Path, folder: Path) -> Run:
    """Run a test in Python in the broken project."""
    shutil.copy(ROOT / "pyproject.toml", project / "pyproject.toml")
    shutil.copytree(ROOT / "tests", project / "tests")
    (file,) = (project / "tests").glob(f"*/{guard.partition('::')[0]}")
    command = [sys.executable, "-m", "pytest", "-q", f"{file.parent}/{guard}"]
    command += [f"--basetemp={folder / 'tests'}", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    return Run(done.returncode, done.stdout + done.stderr, folder / "no_warehouse")


def is_noticed(run: Run, guard: str) -> bool:
    """True when that very test failed (not when it could not be run)."""
    return run.returncode == 1 and any(
        "FAIL" in line and guard in line for line in run.output.splitlines()
    )


def main() -> int:
    """Run the mutations and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("word", nargs="?", default="", help="only rules that contain this")
    word = parser.parse_args().word
    chosen = [mutation for mutation in [*MUTATIONS, *REFRESH] if word in mutation.rule]
    if not chosen:
        parser.error(f"no rule contains {word!r}; the list is in tools/mutations.py")
    unnoticed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        baseline = build(ROOT / "sample_data", folder / "baseline")
        if baseline.returncode:
            raise SystemExit(f"The project does not build before any break:\n{baseline.output}")
        for number, mutation in enumerate(chosen):
            run = run_guard(mutation, baseline, folder / str(number))
            noticed = is_noticed(run, mutation.guard)
            unnoticed += not noticed
            verdict = "noticed by" if noticed else "NOT NOTICED by"
            print(f"{mutation.rule:45} {verdict} {mutation.guard}", flush=True)
            shutil.rmtree(folder / str(number))
    print(f"{len(chosen) - unnoticed} of {len(chosen)} breaks noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
