{#-
    Pre-hook of a table of scores: takes out the account dates that are scored in this run, and all
    of them where nothing tells which are sound.
-#}
{% macro forget_account_dates_to_score() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if last_built('scored_account_dates') %}
        where (account_id, score_date) in (
            select account_id, score_date from {{ ref('account_dates_to_score') }}
        )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
