"""The old name of `customer-health export-person`."""

from customer_health.cli import script

script("export-person")
