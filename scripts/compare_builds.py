"""The old name of tools/compare_builds.py."""

from _tool import run

run("compare_builds")
