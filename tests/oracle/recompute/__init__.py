"""An independent recomputation of the customer health scores, in plain Python.

It reads the same raw inputs and the same scoring seeds as the dbt project, follows the written
definitions from the first cell to the last mart, shares no SQL with the models, and compares
every published value with the warehouse. If both agree, a wrong number needs two people to have
made the same mistake.

    PYTHONPATH=tests/oracle python -m recompute --raw sample_data --seeds seeds/scoring \\
        --warehouse warehouse/customer_health.duckdb --run-date 2026-01-31

Exit codes: 0 no difference, 1 differences, 2 wrong usage or unreadable input.

In the order of the definitions: exact, cells, contract, files, seeds, cleaning, dates, accounts,
grid, metrics, segments, scoring; tables, publishing, roll_ups, actions; recomputing runs them all;
comparison and report look at a warehouse.

Conventions. Nothing is a float. A *day* is an int, the proleptic Gregorian ordinal of
`datetime.date`. A *moment* is an int, microseconds in UTC counted so that moment // MICROS_PER_DAY
is its day. Money, durations, answers and weights are decimals, far below the 28 digits within which
their sums and products are exact; quotients are exact fractions until they are rounded, half away
from zero, to a published decimal.
"""

from recompute.comparison import compare
from recompute.recomputing import recompute

__all__ = ["compare", "recompute"]
