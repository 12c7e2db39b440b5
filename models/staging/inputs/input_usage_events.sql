{{ raw_input(source('raw', 'usage_events')) }}
