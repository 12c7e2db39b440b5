{#-
    Pre-hook of a table of metrics: takes out the rows whose fingerprint is not that of today, and
    those of account dates that are no longer scored. `side` names the column of input_fingerprints.
-#}
{% macro forget_changed_metrics(side) -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
        (account_id, score_date, inputs_fingerprint) not in (
            select account_id, score_date, {{ side }}_fingerprint
            from {{ ref('input_fingerprints') }}
        )
        {%- endset -%}
        {{ delete_rows(this, condition) }}
    {%- endif -%}
{%- endmacro %}
