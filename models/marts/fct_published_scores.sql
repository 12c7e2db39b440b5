-- One row per account and published run that said something new: what was said, under which
-- formula. Only ever added to.
{{ published_log({
    'run_id': 'varchar',
    'published_at': 'timestamp',
    'account_id': 'varchar',
    'score_date': 'date',
    'owner': 'varchar',
    'segment': 'varchar',
    'health_score': 'decimal(5, 2)',
    'computed_score': 'decimal(5, 2)',
    'capped_score': 'decimal(5, 2)',
    'grade': 'varchar',
    'colour': 'varchar',
    'cap': 'varchar',
    'override_id': 'varchar',
    'coverage': 'decimal(9, 6)',
    'expansion_score': 'decimal(5, 2)',
    'arr': 'decimal(28, 6)',
    'scoring_version': 'varchar',
}) }}
