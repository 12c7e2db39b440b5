{#-
    CTEs that roll accounts up, for a model that has the CTEs `members` (columns of
    account_health_daily, and group_key: one row per group, account and date) and `accounts`
    (dim_accounts). The last one, rolled_up, has one row per group and score date; the group is
    called `group_name`. A blank group_key stands for no group at all and comes out as null.
    An unknown ARR weighs nothing and an unknown score counts in no mean; both are counted. Sums that
    are divided are whole numbers, of hundredths of points and millionths of coverage.
-#}
{% macro health_rollup(group_name) -%}
    {%- set colours = ['green', 'yellow', 'red', 'grey'] -%}
    sums as (

        select
            group_key,
            score_date,
            count(*) as accounts,
            count(health_score) as scored_accounts,
            count(arr) as accounts_with_arr,
            sum(arr) as arr,
            sum(case when health_score is not null then arr end) as scored_arr,
            cast(sum({{ to_units('health_score', 2) }}) as bigint) as points,
            sum(arr * health_score) as arr_points,
            min(health_score) as worst_score,
            cast(sum({{ to_units('coverage', 6) }}) as bigint) as coverage,
            cast(sum(arr * coverage) as decimal(28, 6)) as arr_coverage,
            count(health_score - health_score_28d_earlier) as compared_accounts,
            sum(case when health_score_28d_earlier is not null and health_score is not null then arr end)
                as compared_arr,
            cast(
                sum({{ to_units('health_score', 2) }} - {{ to_units('health_score_28d_earlier', 2) }}) as bigint
            ) as points_moved,
            sum(arr * (health_score - health_score_28d_earlier)) as arr_points_moved,
            {%- for colour in colours %}
            cast(sum(case when colour = '{{ colour }}' then 1 else 0 end) as bigint) as {{ colour }}_accounts,
            sum(case when colour = '{{ colour }}' then arr end) as {{ colour }}_arr
            {{- ',' if not loop.last }}
            {%- endfor %}
        from members
        group by group_key, score_date

    ),

    worst as (

        select
            sums.group_key,
            sums.score_date,
            min(members.account_id) as account_id
        from sums
        inner join members
            on
                sums.group_key = members.group_key
                and sums.score_date = members.score_date
                and sums.worst_score = members.health_score
        group by sums.group_key, sums.score_date

    ),

    rolled_up as (

        select
            nullif(sums.group_key, '') as {{ group_name }},
            sums.score_date,
            cast(sums.accounts as bigint) as accounts,
            cast(sums.scored_accounts as bigint) as scored_accounts,
            cast(sums.accounts_with_arr as bigint) as accounts_with_arr,
            cast(sums.arr as decimal(28, 6)) as arr,
            cast({{ divide_int('sums.points', 'sums.scored_accounts', 2, -2) }} as decimal(5, 2))
                as mean_score,
            cast({{ divide_exact('sums.arr_points', 'sums.scored_arr', 2, 8) }} as decimal(5, 2))
                as arr_weighted_score,
            worst.account_id as worst_account_id,
            accounts.account_name as worst_account_name,
            sums.worst_score,
            {%- for colour in colours %}
            cast(sums.{{ colour }}_accounts as bigint) as {{ colour }}_accounts,
            cast({{ divide_int('sums.' ~ colour ~ '_accounts', 'sums.accounts', 6) }} as decimal(9, 6))
                as {{ colour }}_share,
            cast(case when sums.{{ colour }}_accounts = 0 then 0 else sums.{{ colour }}_arr end as decimal(28, 6))
                as {{ colour }}_arr,
            {%- endfor %}
            cast({{ divide_int('sums.coverage', 'sums.accounts', 6, -6) }} as decimal(9, 6))
                as mean_coverage,
            cast({{ divide_exact('sums.arr_coverage', 'sums.arr', 6, 6) }} as decimal(9, 6))
                as arr_weighted_coverage,
            cast(sums.compared_accounts as bigint) as compared_accounts_28d,
            cast({{ divide_int('sums.points_moved', 'sums.compared_accounts', 2, -2) }} as decimal(5, 2))
                as score_change_28d,
            cast({{ divide_exact('sums.arr_points_moved', 'sums.compared_arr', 2, 8) }} as decimal(5, 2))
                as arr_weighted_change_28d
        from sums
        left join worst
            on
                sums.group_key = worst.group_key
                and sums.score_date = worst.score_date
        left join accounts
            on worst.account_id = accounts.account_id

    )
{%- endmacro %}
