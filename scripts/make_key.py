"""The old name of `customer-health make-key`."""

from customer_health.cli import script

script("make-key")
