-- One row per account and score date whose scores this run computes, or takes out: something that
-- they depend on is not what it was when they were last computed. The hash of it is null where the
-- account is no longer scored on that date. What one run leaves unfinished, the next one does.
{%- set scored = last_built('scored_account_dates') %}
{%- set former = last_built('account_dates_to_score') %}
{%- set inputs = ['scoring_version.scoring_version', 'metrics.segment'] %}
{%- for columns in metric_columns().values() %}
    {%- for column in columns %}
        {%- do inputs.append('metrics.' ~ column) %}
    {%- endfor %}
{%- endfor %}
{%- do inputs.extend(['rank_hashes.ranks_hash', 'override_hashes.overrides_hash']) %}
with

metrics as (

    select * from {{ ref('metrics_side_by_side') }}

),

overrides as (

    select * from {{ ref('stg_score_overrides') }}
    where record_status = 'accepted'

),

scoring_version as (

    select * from {{ ref('scoring_version') }}

),

rank_hashes as (

    select
        account_id,
        score_date,
        sum({{ row_hash(['metric', 'all_peers', 'rank_times_peers']) }}) as ranks_hash
    from {{ ref('percentile_ranks') }}
    group by account_id, score_date

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

hashed as (

    select
        metrics.account_id,
        metrics.score_date,
        {{ row_hash(inputs) }} as inputs_hash
    from metrics
    cross join scoring_version
    left join override_hashes
        on
            metrics.account_id = override_hashes.account_id
            and metrics.score_date = override_hashes.score_date
    left join rank_hashes
        on
            metrics.account_id = rank_hashes.account_id
            and metrics.score_date = rank_hashes.score_date

),

{% if not scored %}
    to_score as (

        select
            account_id,
            score_date,
            inputs_hash
        from hashed

    ),
{% else %}
    differing as (

        select
            coalesce(hashed.account_id, scored.account_id) as account_id,
            coalesce(hashed.score_date, scored.score_date) as score_date
        from hashed
        full outer join {{ scored }} as scored
            on
                hashed.account_id = scored.account_id
                and hashed.score_date = scored.score_date
        where
            hashed.inputs_hash is distinct from scored.inputs_hash
            or {{ 'true' if should_full_refresh() else 'false' }}
        {% if former %}

            union

            select
                former.account_id,
                former.score_date
            from {{ former }} as former
            cross join (select max(batch) as batch from {{ scored }}) as last_scored
            where former.batch > coalesce(last_scored.batch, 0)
        {% endif %}

    ),

    to_score as (

        select
            differing.account_id,
            differing.score_date,
            hashed.inputs_hash
        from differing
        left join hashed
            on
                differing.account_id = hashed.account_id
                and differing.score_date = hashed.score_date

    ),
{% endif %}

batches as (

    select 0 as batch
    {% for relation in [scored, former] if relation %}

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
    to_score.account_id,
    to_score.score_date,
    to_score.inputs_hash,
    cast(this_batch.batch as integer) as batch
from to_score
cross join this_batch
