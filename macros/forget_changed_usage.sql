{#-
    Pre-hook of metrics_usage: takes out the rows whose fingerprint is not that of today, and those
    of account dates that are no longer scored.
-#}
{% macro forget_changed_usage() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1
            from {{ ref('usage_fingerprints') }} as fingerprints
            where
                fingerprints.account_id = {{ this }}.account_id
                and fingerprints.score_date = {{ this }}.score_date
                and fingerprints.usage_fingerprint = {{ this }}.usage_fingerprint
        )
    {%- endif -%}
{%- endmacro %}
