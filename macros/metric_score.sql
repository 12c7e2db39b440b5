{#-
    0 to 100, 4 decimals: what a value is worth on the curve of a scorecard row.
    linear: 0 at poor_at, 100 at healthy_at, in proportion between them; more is better where
    healthy_at is the larger of the two. banded: 100 at healthy_at or better, 0 at poor_at or worse,
    50 between. Null: score_if_missing, which may be null too.
-#}
{% macro metric_score(value, row) -%}
    cast(case
        when {{ value }} is null then {{ row }}.score_if_missing
        when
            ({{ row }}.healthy_at > {{ row }}.poor_at and {{ value }} >= {{ row }}.healthy_at)
            or ({{ row }}.healthy_at < {{ row }}.poor_at and {{ value }} <= {{ row }}.healthy_at)
            then 100
        when
            ({{ row }}.healthy_at > {{ row }}.poor_at and {{ value }} <= {{ row }}.poor_at)
            or ({{ row }}.healthy_at < {{ row }}.poor_at and {{ value }} >= {{ row }}.poor_at)
            then 0
        when {{ row }}.curve = 'banded' then 50
        when {{ row }}.curve = 'linear'
            then {{ exact_ratio(
                '100 * abs(' ~ value ~ ' - ' ~ row ~ '.poor_at)',
                'abs(' ~ row ~ '.healthy_at - ' ~ row ~ '.poor_at)', 4, 6
            ) }}
    end as decimal(7, 4))
{%- endmacro %}
