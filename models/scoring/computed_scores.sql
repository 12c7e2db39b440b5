{{ config(pre_hook="{{ forget_scores_to_compute() }}") }}
-- depends_on: {{ ref('fct_health_scores') }}
-- depends_on: {{ ref('fct_score_changes') }}

-- One row per account, score date and scorecard whose score is sound: computed from the inputs with
-- those hashes. Written last, after every table of scores; what is missing is computed in the next
-- run.
select
    account_id,
    score_date,
    scorecard,
    account_hash,
    ranks_hash,
    batch
from {{ ref('scores_to_compute') }}
where account_hash is not null
