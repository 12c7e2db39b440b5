"""The old name of `customer-health load`."""

from customer_health.cli import script

script("load")
