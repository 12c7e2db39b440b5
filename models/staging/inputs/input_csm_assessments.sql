{{ raw_input(source('raw', 'csm_assessments')) }}
