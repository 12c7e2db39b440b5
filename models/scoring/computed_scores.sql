{{ config(pre_hook="{{ delete_stale_scores() }}") }}
-- depends_on: {{ ref('fct_health_scores') }}
-- depends_on: {{ ref('fct_score_changes') }}

-- One row per account, score date and scorecard with a valid score: the hashes of the inputs that
-- it was computed from. Written last, after every table of scores, so that a score that is missing
-- here is stale in the next run.
select
    account_id,
    score_date,
    scorecard,
    account_hash,
    ranks_hash,
    batch
from {{ ref('stale_scores') }}
where account_hash is not null
