{#-
    The body of a recursive CTE called `name`: who is reached from whom, over any number of steps
    from `from_column` to `to_column` of a relation in which nobody has more than one step. Columns:
    from_column and reached_<from_column>. Each pair is kept once, which is what ends a cycle.
-#}
{% macro ancestor_pairs(name, relation, from_column, to_column) -%}
    {{ return(adapter.dispatch('ancestor_pairs', 'health_scoring')(
        name, relation, from_column, to_column
    )) }}
{%- endmacro %}

{% macro default__ancestor_pairs(name, relation, from_column, to_column) -%}
    select
        {{ from_column }},
        {{ to_column }} as reached_{{ from_column }}
    from {{ relation }}
    where {{ to_column }} is not null

    union

    select
        {{ name }}.{{ from_column }},
        {{ relation }}.{{ to_column }} as reached_{{ from_column }}
    from {{ name }}
    inner join {{ relation }}
        on {{ name }}.reached_{{ from_column }} = {{ relation }}.{{ from_column }}
    where {{ relation }}.{{ to_column }} is not null
{%- endmacro %}

{#- Spark knows only union all in recursion: each row carries what was reached on its way. -#}
{% macro spark__ancestor_pairs(name, relation, from_column, to_column) -%}
    select
        {{ from_column }},
        {{ to_column }} as reached_{{ from_column }},
        array({{ to_column }}) as reached_before
    from {{ relation }}
    where {{ to_column }} is not null

    union all

    select
        {{ name }}.{{ from_column }},
        {{ relation }}.{{ to_column }} as reached_{{ from_column }},
        array_append({{ name }}.reached_before, {{ relation }}.{{ to_column }}) as reached_before
    from {{ name }}
    inner join {{ relation }}
        on {{ name }}.reached_{{ from_column }} = {{ relation }}.{{ from_column }}
    where
        {{ relation }}.{{ to_column }} is not null
        and not array_contains({{ name }}.reached_before, {{ relation }}.{{ to_column }})
{%- endmacro %}
