{{ config(materialized='view') }}

-- One row: a short hash of everything in the scoring seeds that can change a number. Labels,
-- descriptions, colours and responses do not; neither does the order of the rows. A view, so that
-- it speaks of the seeds as they are; scores keep the one that they were computed with.
{% set parts = {
    'features': ['feature', 'is_core', 'is_setup', 'is_compliance'],
    'currencies': ['currency', 'rate'],
    'metrics': ['metric', 'component', 'better'],
    'segments': [
        'priority', 'segment', 'is_trial', 'industry', 'plan', 'min_tenure_days',
        'max_tenure_days', 'min_mrr', 'max_mrr', 'min_seats', 'max_seats',
    ],
    'scorecards': ['scorecard', 'goal', 'status', 'min_coverage'],
    'scorecard_metrics': [
        'scorecard', 'segment', 'metric', 'weight', 'curve', 'poor_at', 'healthy_at',
        'score_if_missing',
    ],
    'score_caps': ['cap', 'segment', 'metric', 'worse_than', 'max_score'],
    'grades': ['grade', 'min_score'],
} -%}
with

facts as (

    {% for seed, columns in parts.items() %}
        select {{ row_text(seed, columns) }} as fact
        from {{ ref(seed) }}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    substr(
        {{ dbt.hash(dbt.listagg('fact', "'\n'", 'order by fact')) }}, 1, 12
    ) as scoring_version
from facts
