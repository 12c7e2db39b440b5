"""The old name of `customer-health erase`."""

from customer_health.cli import script

script("erase")
