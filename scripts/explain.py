"""The old name of `customer-health explain`."""

from customer_health.cli import script

script("explain")
