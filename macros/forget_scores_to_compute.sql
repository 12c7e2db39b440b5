{#-
    Pre-hook of a table of scores: takes out the scores that this run computes, and all of them where
    nothing tells which are sound.
-#}
{% macro forget_scores_to_compute() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
        (account_id, score_date, scorecard) in (
            select account_id, score_date, scorecard from {{ ref('scores_to_compute') }}
        )
        {%- endset -%}
        {{ delete_rows(this, condition if last_built('computed_scores')) }}
    {%- endif -%}
{%- endmacro %}
