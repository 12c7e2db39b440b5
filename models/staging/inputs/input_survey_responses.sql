{{ raw_input(source('raw', 'survey_responses')) }}
