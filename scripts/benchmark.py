"""The old name of tools/benchmark.py."""

from _tool import run

run("benchmark")
