"""The old name of tools/compare_engines.py."""

from _tool import run

run("compare_engines")
