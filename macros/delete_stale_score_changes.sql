{#-
    Pre-hook of fct_score_changes: takes out the comparisons that are made again and those of dates
    that are no longer compared.
-#}
{% macro delete_stale_score_changes() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
            (account_id, score_date, days_back) in (
                select account_id, score_date, days_back from {{ ref('stale_score_changes') }}
            )
            or {{ not_in(
                'score_date, days_back, earlier_date',
                'select score_date, days_back, earlier_date from (' ~ date_pairs() ~ ') as date_pairs'
            ) }}
        {%- endset -%}
        {{ delete_rows(this, condition if previous_relation('computed_scores')) }}
    {%- endif -%}
{%- endmacro %}
