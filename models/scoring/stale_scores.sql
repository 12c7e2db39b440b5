-- One row per account, score date and scorecard whose score is stale: something that it depends on
-- changed since it was last computed. account_hash is null where the scorecard no longer scores the
-- account on that date, so that its score is only deleted. What an interrupted run leaves stays
-- stale for the next one. Alert rules, playbooks and audit levels change no score, but a fault in
-- them holds the scores back: everything that is published comes from one run.
-- depends_on: {{ ref('alert_rules') }}
-- depends_on: {{ ref('playbooks') }}
-- depends_on: {{ ref('trust') }}
{%- set computed = previous_relation('computed_scores') %}
{%- set previous = previous_relation('stale_scores') %}
{%- set inputs = ['scoring_version.scoring_version', 'metrics.segment'] %}
{%- for name in metric_names() %}
    {%- do inputs.append('metrics.' ~ name) %}
{%- endfor %}
{%- do inputs.append('override_hashes.overrides_hash') %}
with

metrics as (

    select * from {{ ref('metrics_wide') }}

),

overrides as (

    select * from {{ ref('stg_score_overrides') }}
    where record_status = 'accepted'

),

scoring_version as (

    select * from {{ ref('scoring_version') }}

),

scorecard_rows as (

    select scorecard_metrics.*
    from {{ ref('scorecard_metrics') }} as scorecard_metrics
    inner join {{ ref('scorecards') }} as scorecards
        on scorecard_metrics.scorecard = scorecards.scorecard
    where scorecards.status in ('live', 'challenger')

),

scorecards_of_segments as (

    select distinct
        scorecard,
        segment
    from scorecard_rows

),

-- What one account does moves the ranks of all its peers, but only the scorecards that look at
-- them.
rank_hashes as (

    select
        ranks.account_id,
        ranks.score_date,
        scorecard_rows.scorecard,
        sum({{ row_hash(
            ['ranks.metric', 'ranks.all_peers', 'ranks.rank_times_peers']
        ) }}) as ranks_hash
    from {{ ref('percentile_ranks') }} as ranks
    inner join scorecard_rows
        on
            ranks.segment = scorecard_rows.segment
            and ranks.metric = scorecard_rows.metric
            and ranks.curve = scorecard_rows.curve
    group by ranks.account_id, ranks.score_date, scorecard_rows.scorecard

),

override_hashes as (

    select
        account_dates.account_id,
        account_dates.score_date,
        sum({{ row_hash(
            ['overrides.override_id', 'overrides.score', 'overrides.starts_at']
        ) }}) as overrides_hash
    from {{ ref('account_segments') }} as account_dates
    inner join overrides
        on
            account_dates.account_id = overrides.account_id
            and account_dates.score_date >= overrides.starts_on
            and account_dates.score_date < overrides.expires_on
    group by account_dates.account_id, account_dates.score_date

),

account_hashes as (

    select
        metrics.account_id,
        metrics.score_date,
        metrics.segment,
        {{ row_hash(inputs) }} as account_hash
    from metrics
    cross join scoring_version
    left join override_hashes
        on
            metrics.account_id = override_hashes.account_id
            and metrics.score_date = override_hashes.score_date

),

hashed as (

    select
        account_hashes.account_id,
        account_hashes.score_date,
        scorecards_of_segments.scorecard,
        account_hashes.account_hash,
        rank_hashes.ranks_hash
    from account_hashes
    inner join scorecards_of_segments
        on account_hashes.segment = scorecards_of_segments.segment
    left join rank_hashes
        on
            account_hashes.account_id = rank_hashes.account_id
            and account_hashes.score_date = rank_hashes.score_date
            and scorecards_of_segments.scorecard = rank_hashes.scorecard

),

{% if not computed %}
    to_compute as (

        select
            account_id,
            score_date,
            scorecard,
            account_hash,
            ranks_hash
        from hashed

    ),
{% else %}
    differing as (

        select
            coalesce(hashed.account_id, computed.account_id) as account_id,
            coalesce(hashed.score_date, computed.score_date) as score_date,
            coalesce(hashed.scorecard, computed.scorecard) as scorecard,
            hashed.account_hash,
            hashed.ranks_hash
        from hashed
        full outer join {{ computed }} as computed
            on
                hashed.account_id = computed.account_id
                and hashed.score_date = computed.score_date
                and hashed.scorecard = computed.scorecard
        {% if not should_full_refresh() %}
            where
                hashed.account_hash is distinct from computed.account_hash
                or hashed.ranks_hash is distinct from computed.ranks_hash
        {% endif %}

    ),

    reasons as (

        select * from differing
        {% if previous %}

            union all

            select
                previous.account_id,
                previous.score_date,
                previous.scorecard,
                hashed.account_hash,
                hashed.ranks_hash
            from {{ previous }} as previous
            cross join (select max(batch) as batch from {{ computed }}) as last_computed
            left join hashed
                on
                    previous.account_id = hashed.account_id
                    and previous.score_date = hashed.score_date
                    and previous.scorecard = hashed.scorecard
            where previous.batch > coalesce(last_computed.batch, 0)
        {% endif %}

    ),

    to_compute as (

        select
            account_id,
            score_date,
            scorecard,
            max(account_hash) as account_hash,
            max(ranks_hash) as ranks_hash
        from reasons
        group by account_id, score_date, scorecard

    ),
{% endif %}

batches as (

    select 0 as batch
    {% for relation in [computed, previous] if relation %}

        union all

        select max(batch) as batch
        from {{ relation }}
    {% endfor %}

),

this_batch as (

    select max(batch) + 1 as batch
    from batches

)

select
    to_compute.account_id,
    to_compute.score_date,
    to_compute.scorecard,
    to_compute.account_hash,
    to_compute.ranks_hash,
    cast(this_batch.batch as integer) as batch
from to_compute
cross join this_batch
