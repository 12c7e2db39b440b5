-- One row per raw input: raw rows, counted apart, against what became of them.
with

raw_counts as (

    {% for input in input_names() %}
        select
            '{{ input }}' as input,
            count(*) as raw_rows
        from {{ ref('input_' ~ input) }}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

rejected_usage as (

    select count(*) as rejected_rows
    from {{ ref('usage_event_issues') }}
    where rejection_reason is not null

),

kept_usage as (

    select
        sum(accepted_rows) as accepted_rows,
        sum(duplicate_rows) as duplicate_rows
    from {{ ref('usage_activity_daily') }}

),

verdicts as (

    {% for input in input_names() if input != 'usage_events' %}
        select
            '{{ input }}' as input,
            sum(case when record_status = 'accepted' then 1 else 0 end) as accepted_rows,
            sum(case when record_status = 'duplicate' then 1 else 0 end) as duplicate_rows,
            sum(case when record_status = 'rejected' then 1 else 0 end) as rejected_rows
        from {{ ref('stg_' ~ input) }}
        union all
    {% endfor %}
    select
        'usage_events' as input,
        kept_usage.accepted_rows,
        kept_usage.duplicate_rows,
        rejected_usage.rejected_rows
    from kept_usage
    cross join rejected_usage

),

blanks as (

    select
        input,
        count(*) as blanked_cells
    from {{ ref('rejected_records') }}
    where action = 'cell_blanked'
    group by input

)

select
    raw_counts.input,
    cast(raw_counts.raw_rows as bigint) as raw_rows,
    cast(coalesce(verdicts.accepted_rows, 0) as bigint) as accepted_rows,
    cast(coalesce(verdicts.duplicate_rows, 0) as bigint) as duplicate_rows,
    cast(coalesce(verdicts.rejected_rows, 0) as bigint) as rejected_rows,
    cast(coalesce(blanks.blanked_cells, 0) as bigint) as blanked_cells
from raw_counts
inner join verdicts
    on raw_counts.input = verdicts.input
left join blanks
    on raw_counts.input = blanks.input
