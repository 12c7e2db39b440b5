"""The refresh as a Dagster job with a schedule; its report becomes the metadata of the run."""

import json
import subprocess

from dagster import Definitions, Failure, OpExecutionContext, ScheduleDefinition, job, op

PROJECT = "/srv/customer-health"
BUSY = 75


@op
def refresh(context: OpExecutionContext) -> None:
    """Run the refresh; fails with its message unless it published or another one is running."""
    done = subprocess.run(
        [f"{PROJECT}/.venv/bin/customer-health", "refresh", "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    context.log.info(done.stderr)
    if done.returncode == BUSY:
        context.log.warning("Another refresh is running; nothing was done.")
        return
    report = json.loads(done.stdout) if done.stdout else {"message": done.stderr, "next_step": ""}
    if done.returncode:
        raise Failure(f"{report['message']} {report['next_step']}")
    context.add_output_metadata({"run_id": report["run_id"], "warnings": len(report["warnings"])})


@job(tags={"dagster/concurrency_key": "customer_health"})
def customer_health_refresh() -> None:
    """Land, build, audit, publish: one step, because they belong together."""
    refresh()


defs = Definitions(
    jobs=[customer_health_refresh],
    schedules=[ScheduleDefinition(job=customer_health_refresh, cron_schedule="15 2 * * *")],
)
