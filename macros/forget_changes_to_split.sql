{#-
    Pre-hook of fct_score_changes: takes out the comparisons that are made again (one of the two
    dates is scored in this run) and those whose earlier date is another one now.
-#}
{% macro forget_changes_to_split() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if last_built('scored_account_dates') %}
        where
            (account_id, score_date) in (
                select account_id, score_date from {{ ref('account_dates_to_score') }}
            )
            or (account_id, earlier_date) in (
                select account_id, score_date from {{ ref('account_dates_to_score') }}
            )
            {%- for days in comparison_days() %}
            or (
                days_back = {{ days }}
                and (score_date, earlier_date) not in (
                    select score_date, date_{{ days }}d_earlier from {{ ref('score_dates') }}
                    where date_{{ days }}d_earlier is not null
                )
            )
            {%- endfor %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
