{#-
    Fails for every text that people, spreadsheets and SQL would read differently: white space at its
    ends, invisible characters, Jinja braces, a quote in front, and in our own words also a first
    character that makes it a formula. `received` are columns with names as they come.
-#}
{% test clean_text(model, columns, received=[]) %}

{% set unseen = (
    '\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2060\ufeff'
) -%}
{% for column in columns + received %}
    select
        '{{ column }}' as column_name,
        {{ column }} as cell
    from {{ model }}
    where
        {{ column }} <> {{ trim_text(column) }}
        or not {{ matches(column, '[^' ~ unseen ~ ']*') }}
        or substr({{ column }}, 1, 1) in ('''', '"')
        {% if column in columns %}
            or substr({{ column }}, 1, 1) in ('=', '+', '-', '@')
        {% endif %}
        {% for brace in ['{' ~ '{', '{' ~ '%', '{' ~ '#', '}' ~ '}', '%' ~ '}', '#' ~ '}'] %}
            or {{ column }} <> replace({{ column }}, '{{ brace }}', '')
        {% endfor %}
    {% if not loop.last %}
        union all
    {% endif %}
{% endfor %}

{% endtest %}
