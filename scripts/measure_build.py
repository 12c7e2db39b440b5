"""The old name of tools/measure_build.py."""

from _tool import run

run("measure_build")
