{#- Which score date is compared with which: one row per score date and days back. -#}
{% macro date_pairs() -%}
    {% for days in comparison_days() %}
        select
            score_date,
            {{ days }} as days_back,
            date_{{ days }}d_earlier as earlier_date
        from {{ ref('score_dates') }}
        where date_{{ days }}d_earlier is not null
        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}
{%- endmacro %}
