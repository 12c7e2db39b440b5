{#-
    The account dates that a table of metrics has to compute, with the fingerprint of its inputs: all
    of them at first, later those that it does not hold (any more).
-#}
{% macro account_dates_to_measure(side) -%}
    select
        account_dates.*,
        input_fingerprints.{{ side }}_fingerprint as inputs_fingerprint
    from {{ ref('account_dates') }} as account_dates
    left join {{ ref('input_fingerprints') }} as input_fingerprints
        on
            account_dates.account_id = input_fingerprints.account_id
            and account_dates.score_date = input_fingerprints.score_date
    {% if is_incremental() -%}
        left join {{ this }} as kept
            on
                account_dates.account_id = kept.account_id
                and account_dates.score_date = kept.score_date
        where kept.account_id is null
    {%- endif %}
{%- endmacro %}
