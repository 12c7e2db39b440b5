"""The old name of tools/measure_layouts.py."""

from _tool import run

run("measure_layouts")
