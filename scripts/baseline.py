"""The old name of tools/baseline.py."""

from _tool import run

run("baseline")
