"""The old name of tools/generate_sample_data.py."""

from _tool import run

run("generate_sample_data")
