{#-
    Pre-hook of fct_score_changes: takes out the comparisons that are made again (one of the two
    scores is computed in this run) and those whose earlier date is another one now.
-#}
{% macro forget_changes_to_split() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if last_built('computed_scores') %}
        where
            (account_id, score_date) in ({{ retention_scores_to_compute() }})
            or (account_id, earlier_date) in ({{ retention_scores_to_compute() }})
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
