"""The old name of tools/measure_shuffles.py."""

from _tool import run

run("measure_shuffles")
