-- One row per published run. Of a build by hand it holds the runs before.
{% set columns = {
    'run_id': 'varchar',
    'published_at': 'timestamp',
    'run_date': 'date',
    'as_of_date': 'date',
    'scoring_version': 'varchar',
    'is_changed': 'boolean',
    'accounts': 'bigint',
    'raw_rows': 'bigint',
    'accepted_rows': 'bigint',
    'duplicate_rows': 'bigint',
    'rejected_rows': 'bigint',
    'blanked_cells': 'bigint',
    'erased_rows': 'bigint',
    'checks': 'bigint',
    'warnings': 'bigint',
    'warning_text': 'varchar',
    'accepted_reason': 'varchar',
} -%}
{% for name in input_names() %}
    {%- do columns.update({name ~ '_through': 'date'}) -%}
{% endfor -%}
{{ published_log(columns, 'status') }}
