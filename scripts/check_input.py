"""The old name of `customer-health check`."""

from customer_health.cli import script

script("check")
