-- Roll-ups hide nobody: on every date the segments, and the owners, have together the accounts that
-- are scored, their ARR and their points, and the four colours of a row are all of its accounts and
-- all of its ARR. A row here is a date, or a row of a roll-up, where they do not.
with

standings as (

    select
        score_date,
        count(*) as accounts,
        count(health_score) as scored_accounts,
        count(arr) as accounts_with_arr,
        coalesce(sum(arr), 0) as arr
    from {{ ref('account_health_daily') }}
    group by score_date

),

rolled_up as (

    {% for by in ['segment', 'owner'] %}
        select
            'by {{ by }}' as roll_up,
            score_date,
            sum(accounts) as accounts,
            sum(scored_accounts) as scored_accounts,
            sum(accounts_with_arr) as accounts_with_arr,
            coalesce(sum(arr), 0) as arr
        from {{ ref(by ~ '_health') }}
        group by score_date
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

rows_of_all as (

    {% for by in ['segment', 'owner', 'parent'] %}
        select
            '{{ by }} ' || coalesce({{ by }}{{ '_account_id' if by == 'parent' }}, '') as roll_up,
            score_date,
            accounts,
            arr,
            green_accounts + yellow_accounts + red_accounts + grey_accounts as coloured_accounts,
            coalesce(green_arr, 0) + coalesce(yellow_arr, 0) + coalesce(red_arr, 0)
            + coalesce(grey_arr, 0) as coloured_arr,
            green_share + yellow_share + red_share + grey_share as all_shares
        from {{ ref(by ~ '_health') }}
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

)

select
    rolled_up.roll_up,
    standings.score_date,
    rolled_up.accounts,
    rolled_up.arr
from standings
left join rolled_up
    on standings.score_date = rolled_up.score_date
where
    rolled_up.accounts is null
    or rolled_up.accounts <> standings.accounts
    or rolled_up.scored_accounts <> standings.scored_accounts
    or rolled_up.accounts_with_arr <> standings.accounts_with_arr
    or rolled_up.arr <> standings.arr

union all

select
    roll_up,
    score_date,
    accounts,
    arr
from rows_of_all
where
    coloured_accounts <> accounts
    or coloured_arr <> coalesce(arr, 0)
    or abs(all_shares - 1) > 0.000002
