{#-
    A select of the previous content of alert_episodes, what is remembered of the runs before; of
    nothing when there was none. Looked up, not referred to: the table is read before it is built.
-#}
{% macro alert_memory() -%}
    {%- set columns = {
        'record': 'varchar', 'alert_id': 'varchar', 'account_id': 'varchar', 'rule': 'varchar',
        'evaluated_through': 'date', 'storm_id': 'varchar', 'kind': 'varchar',
        'severity': 'varchar', 'description': 'varchar', 'level': 'decimal(9, 6)',
        'window_days': 'integer', 'segment': 'varchar', 'opened_on': 'date',
        'last_seen_on': 'date', 'closed_on': 'date', 'score_at_opening': 'decimal(5, 2)',
        'value_at_opening': 'decimal(9, 6)', 'worst_value': 'decimal(9, 6)',
        'unit': 'varchar', 'arr': 'decimal(28, 6)', 'accounts': 'bigint', 'driver_1': 'varchar',
        'driver_2': 'varchar', 'driver_3': 'varchar',
    } -%}
    {%- set memory = adapter.get_relation(
        database=this.database, schema=this.schema, identifier='alert_episodes'
    ) if execute and this else none -%}
    select
        {%- for name, type in columns.items() %}
        {{ name if memory else 'cast(null as ' ~ contract_type(type) ~ ') as ' ~ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    {%- if memory %}
    from {{ memory }}
    {%- else %}
    where false
    {%- endif %}
{%- endmacro %}
