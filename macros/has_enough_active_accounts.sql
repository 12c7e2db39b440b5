{#-
    True for a day on which the feed carried enough accounts to speak of: at least a tenth of the
    median of other days, and at least 2 where that median is 4 or more. `doubled_median` is twice
    the median, a whole number.
-#}
{% macro has_enough_active_accounts(active_accounts, doubled_median) -%}
    (
        20 * {{ active_accounts }} >= {{ doubled_median }}
        and ({{ doubled_median }} < 8 or {{ active_accounts }} >= 2)
    )
{%- endmacro %}
