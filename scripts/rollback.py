"""The old name of `customer-health rollback`."""

from customer_health.cli import script

script("rollback")
