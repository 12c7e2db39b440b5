{#-
    Pre-hook of a table of scores: deletes the scores that this run computes, and all of them where
    nothing says which are valid.
-#}
{% macro delete_stale_scores() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
        (account_id, score_date, scorecard) in (
            select account_id, score_date, scorecard from {{ ref('stale_scores') }}
        )
        {%- endset -%}
        {{ delete_rows(this, condition if previous_relation('computed_scores')) }}
    {%- endif -%}
{%- endmacro %}
