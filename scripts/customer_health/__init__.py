"""Customer Health: explained health scores of accounts, built with dbt."""

__version__ = "0.5.0"
