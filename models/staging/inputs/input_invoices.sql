{{ raw_input(source('raw', 'invoices')) }}
