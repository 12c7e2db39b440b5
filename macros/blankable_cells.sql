{#- The optional columns whose bad cells are blanked, with the reasons there can be. -#}
{% macro blankable_cells() -%}
    {{ return([
        ('is_test', 'bad_value'),
        ('updated_at', 'bad_value'),
        ('seats', 'bad_value'),
        ('seats', 'out_of_range'),
        ('mrr', 'bad_value'),
        ('mrr', 'out_of_range'),
        ('mrr', 'unknown_currency'),
        ('is_trial', 'bad_value'),
        ('auto_renew', 'bad_value'),
        ('term_ends_at', 'bad_value'),
        ('duration_seconds', 'bad_value'),
        ('duration_seconds', 'out_of_range'),
        ('event_count', 'bad_value'),
        ('event_count', 'out_of_range'),
        ('first_response_at', 'bad_value'),
        ('priority', 'unknown_value'),
        ('reopen_count', 'bad_value'),
        ('reopen_count', 'out_of_range'),
        ('csat_score', 'bad_value'),
        ('csat_score', 'out_of_range'),
        ('due_at', 'bad_value'),
    ]) }}
{%- endmacro %}
