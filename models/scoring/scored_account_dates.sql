{{ config(pre_hook="{{ forget_account_dates_to_score() }}") }}
-- depends_on: {{ ref('fct_health_drivers') }}
-- depends_on: {{ ref('fct_health_scores') }}
-- depends_on: {{ ref('fct_score_changes') }}

-- One row per account and score date whose scores are sound: computed from the inputs with that
-- hash. Written last, after every table of scores; what is missing is computed in the next run.
select
    account_id,
    score_date,
    inputs_hash,
    batch
from {{ ref('account_dates_to_score') }}
where inputs_hash is not null
