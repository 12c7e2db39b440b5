{{ raw_input(source('raw', 'support_tickets')) }}
