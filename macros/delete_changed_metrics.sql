{#-
    Pre-hook of a table of metrics: takes out the rows whose fingerprint is not that of today, and
    those of account dates that are no longer scored. `side` names the column of input_fingerprints.
-#}
{% macro delete_changed_metrics(side) -%}
    {%- if is_incremental() -%}
        {{ delete_rows(this, not_in(
            'account_id, score_date, inputs_fingerprint',
            'select account_id, score_date, ' ~ side ~ '_fingerprint from '
            ~ ref('input_fingerprints')
        )) }}
    {%- endif -%}
{%- endmacro %}
