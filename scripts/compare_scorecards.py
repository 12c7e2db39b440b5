"""The old name of `customer-health compare`."""

from customer_health.cli import script

script("compare")
