{{ raw_input(source('raw', 'subscriptions')) }}
