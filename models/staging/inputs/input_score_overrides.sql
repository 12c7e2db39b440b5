{{ raw_input(source('raw', 'score_overrides')) }}
