"""What CONTRIBUTING.md says about the loops holds."""

from pathlib import Path

from project import copy_with_make, shell


def test_a_broken_scoring_rule_fails_in_the_fast_loop(tmp_path: Path) -> None:
    """make check ends with make test-rules; it needs no build of the person's own."""
    project = copy_with_make(tmp_path / "project")
    path = project / "models/scoring/score_limits.sql"
    sql = path.read_text(encoding="utf-8")
    assert "order by max_score asc" in sql
    path.write_text(sql.replace("order by max_score asc", "order by max_score desc"))
    done = shell("make test-rules RULE=score_limits", project)

    assert done.returncode == 2
    assert "the_lowest_cap_that_holds_and_the_latest_override" in done.stdout
    assert "pass" not in done.stdout
    assert list((project / "warehouse").glob("*")) == []
    assert "dbt test --quiet --select test_type:unit" in shell("make -n check", project).stdout
