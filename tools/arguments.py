"""Kinds of arguments that several scripts take, for argparse: each says what it has to be."""

import argparse
from datetime import date


def a_day(text: str) -> date:
    """A date written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"has to be a date like 2026-09-30, not {text}") from None


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"has to be a whole number from 1 on, not {text[:40]}")
    return int(text)
