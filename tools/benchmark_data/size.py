"""How much data to generate, and what its SQL is made of."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "scoring"
LAST_DAY = date(2026, 9, 30)


@dataclass(frozen=True)
class Size:
    """How much to generate. The last day is the last with usage; the next day follows it."""

    events: int
    accounts: int
    days: int
    skew: float = 0.05
    seed: int = 1
    last_day: date = LAST_DAY

    @property
    def first_day(self) -> date:
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def next_day(self) -> date:
        return self.last_day + timedelta(days=1)

    @property
    def new_accounts(self) -> int:
        """Accounts that sign up on the next day."""
        return max(1, self.accounts // 2000)


def draw(below: int | str, seed: int, what: str, *keys: str) -> str:
    """SQL for a whole number from 0 to below - 1 that depends on the seed, a word and keys."""
    return f"cast(hash(hash('{what}', {seed}, {', '.join(keys)})) % ({below}) as integer)"


def clamped(value: str, low: str, high: str) -> str:
    return f"greatest({low}, least({high}, {value}))"


def day(value: date) -> str:
    return f"date '{value}'"
