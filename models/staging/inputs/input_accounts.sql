{{ raw_input(source('raw', 'accounts')) }}
