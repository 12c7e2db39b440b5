"""The old name of `customer-health validate`."""

from customer_health.cli import script

script("validate")
