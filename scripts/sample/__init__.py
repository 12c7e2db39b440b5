"""The invented company behind the sample data; scripts/generate_sample_data.py writes it."""
