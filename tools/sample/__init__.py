"""The invented company behind the sample data; tools/generate_sample_data.py writes it."""
