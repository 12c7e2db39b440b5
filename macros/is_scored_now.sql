{#-
    True for rows of account dates that this run scores, for tests of large tables: all others were
    tested when they were scored.
-#}
{% macro is_scored_now(relation='') -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    ({{ prefix }}account_id, {{ prefix }}score_date) in (
        select account_id, score_date from {{ ref('account_dates_to_score') }}
    )
{%- endmacro %}
