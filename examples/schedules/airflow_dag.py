"""The refresh as one Airflow task. Make a pool of one slot first, so that two runs never meet:

airflow pools set customer_health 1 "One refresh at a time"
"""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

PROJECT = "/srv/customer-health"

with DAG(
    dag_id="customer_health_refresh",
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["customer health"],
) as dag:
    # One task: landing, building, auditing and publishing belong together. Exit code 75 (busy) is
    # shown as skipped; 1 and 2 need a person, so they are not tried again.
    BashOperator(
        task_id="refresh",
        bash_command=f"{PROJECT}/.venv/bin/customer-health refresh --json",
        cwd=PROJECT,
        append_env=True,
        pool="customer_health",
        retries=0,
        skip_on_exit_code=75,
        execution_timeout=timedelta(hours=4),
    )
