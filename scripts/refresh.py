"""The old name of `customer-health refresh`."""

from customer_health.cli import script

script("refresh")
