-- Protects: coverage_lost and storm compare shares, a percentage would always or never hold; a drop
-- by 0 points would be everybody; a storm is about all accounts and has no margin. A row here is a
-- cell for which this is not so.
with

shares as (

    select
        rule,
        kind,
        'level' as column_name,
        level as share_of_one
    from {{ ref('alert_rules') }}
    where kind in ('coverage_lost', 'storm')

    union all

    select
        rule,
        kind,
        'reopen_margin' as column_name,
        reopen_margin as share_of_one
    from {{ ref('alert_rules') }}
    where kind = 'coverage_lost'

),

cells_of_storms as (

    select
        rule,
        'segment' as column_name,
        segment as cell,
        '*' as wanted
    from {{ ref('alert_rules') }}
    where kind = 'storm'

    {% for column in ['cooldown_days', 'reopen_margin'] %}
        union all

        select
            rule,
            '{{ column }}' as column_name,
            {{ number_text(column, 6) }} as cell,
            '0' as wanted
        from {{ ref('alert_rules') }}
        where kind = 'storm'
    {% endfor %}

)

select
    'alert_rules' as seed,
    rule as row_key,
    column_name,
    {{ number_text('share_of_one', 6) }} || ' is above 1: ' || kind || ' compares a share' as fault,
    'did you mean ' || {{ number_text('share_of_one * 0.01', 8) }} || '?' as hint
from shares
where share_of_one > 1

union all

select
    'alert_rules' as seed,
    rule as row_key,
    'level' as column_name,
    'every score drops by 0 points' as fault,
    'write how many points are worth an alert' as hint
from {{ ref('alert_rules') }}
where
    kind = 'drops_by'
    and level = 0

union all

select
    'alert_rules' as seed,
    rule as row_key,
    column_name,
    '"' || cell || '" would not count for a storm' as fault,
    'write ' || wanted || ': a storm is about all accounts and has no margin' as hint
from cells_of_storms
where cell <> wanted
