"""Each planted account of the sample is recommended what its story asks for, and why."""

import re
from pathlib import Path

import pytest
from broken_seeds import copy_seeds
from customer_health.explain import as_text, explain
from customer_health.seeds.validate import validate
from customer_health.warehouse import open_warehouse
from project import ROOT, Run
from sample.stories import STORIES

PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")

# The best action of each story, and the reason as it begins.
BEST = {
    "quiet_churner": ("bring_usage_back", "usage_change_28d is -76.3 %, at or below -25 %"),
    "champion": ("offer_more_seats", "licence_utilisation_28d is 100 %, at or above 90 %"),
    "stuck_onboarding": ("finish_onboarding_setup", "setup_completion is 25 %, at or below 50 %"),
    "silent_account": ("drive_adoption", "adoption_score is 21.57, at or below 40"),
    "loud_healthy": ("offer_more_seats", "licence_utilisation_28d is 90.9 %, at or above 90 %"),
    "regulated_compliant": ("offer_next_plan", "adoption_score is 100, at or above 90"),
    "regulated_no_compliance": (
        "activate_compliance",
        "compliance_feature_days_28d is 0, at or below 0",
    ),
    "unpaid_invoice": ("collect_overdue_invoice", "days_overdue is 95, at or above 30"),
    "urgent_ticket": (
        "escalate_urgent_ticket",
        "oldest_urgent_ticket_days is 30, at or above 7",
    ),
    "override_active": ("drive_adoption", "adoption_score is 21.57, at or below 40"),
    "override_expired": ("offer_next_plan", "adoption_score is 100, at or above 90"),
    "broken_survey_file": ("offer_next_plan", "adoption_score is 100, at or above 90"),
    "seat_reduction": ("protect_contract", "mrr_change_90d is -64 %, at or below -20 %"),
    "seasonal": ("offer_next_plan", "adoption_score is 100, at or above 90"),
    "recovered": ("offer_next_plan", "adoption_score is 100, at or above 90"),
    "too_little_data": ("complete_the_data", "grade is insufficient_data at a coverage of 45 %"),
}
# What else a story has among its actions.
AMONG = {
    "quiet_churner": "save_the_renewal",
    "champion": "ask_for_a_reference",
    "urgent_ticket": "stop_the_fall",
    "silent_account": "lift_out_of_red",
    "override_active": "answer_the_unhappy",
}


def test_every_story_has_its_best_action() -> None:
    assert set(BEST) == {story.id for story in STORIES}


@pytest.mark.parametrize("account_id", BEST)
def test_a_story_gets_the_playbook_that_it_should(account_id: str, sample_run: Run) -> None:
    actions = sample_run.rows(
        f"""
        select playbook, reason from marts.fct_recommended_actions
        where account_id = '{account_id}' order by action_rank
        """
    )
    [(recommended,)] = sample_run.rows(
        f"select recommended_playbook from marts.customer_health where account_id = '{account_id}'"
    )
    assert actions[0] == BEST[account_id]
    assert recommended == BEST[account_id][0]
    assert AMONG.get(account_id, recommended) in [playbook for playbook, _ in actions]


def test_every_account_gets_one_to_three_actions(sample_run: Run) -> None:
    counts = sample_run.rows(
        """
        select health.account_id, health.response, count(actions.playbook),
            count(distinct actions.action_rank), max(actions.action_rank),
            count(*) filter (where actions.goal <> 'retention')
        from marts.customer_health as health
        left join marts.fct_recommended_actions as actions using (account_id)
        group by all
        """
    )
    assert len(counts) == 129
    for account_id, response, actions, ranks, last, more in counts:
        assert 1 <= actions == ranks == last <= 3, account_id
        assert response == "none" or more == 0, account_id
    assert {response for _, response, *_ in counts} > {"none", "act"}
    assert sum(more for *_, more in counts) > 50


def test_reasons_are_words_with_numbers(sample_run: Run) -> None:
    reasons = sample_run.rows("select distinct reason from marts.fct_recommended_actions")
    assert len(reasons) > 100
    for (reason,) in reasons:
        assert re.search(r"\d", reason), reason
        assert not re.search(r"\d\.\d*0( |,|$)|\.( |,|$)|\d\.\d{3}", reason), reason


def test_the_starting_set_covers_every_component_and_goal(sample_run: Run) -> None:
    covered = sample_run.rows(
        "select distinct trigger from seeds.playbooks where trigger_on = 'component'"
    )
    components = sample_run.rows("select distinct component from seeds.metrics")
    assert set(covered) == set(components)
    goals = sample_run.rows("select distinct goal from marts.fct_recommended_actions")
    assert set(goals) == {("retention",), ("expansion",), ("advocacy",)}


def test_the_worked_example_is_what_is_printed(sample_run: Run) -> None:
    [example] = re.findall(r"```\n(What to do:.*?)\n```", PAGE, flags=re.S)
    with open_warehouse(sample_run.warehouse) as connection:
        assert as_text(explain(connection, "urgent_ticket")).endswith(example)


def test_the_playbook_that_the_page_adds_is_sound(tmp_path: Path) -> None:
    folder = copy_seeds(tmp_path / "seeds")
    [row] = re.findall(r'playbooks\.write\("(.*)\\n"\)', PAGE)
    with (folder / "playbooks.csv").open("a") as playbooks:
        playbooks.write(f"{row}\n")
    rows, faults = validate(folder)
    assert faults == []
    assert rows["playbooks.csv"] == 28
