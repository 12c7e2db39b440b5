"""The old name of `customer-health show`."""

from customer_health.cli import script

script("show")
