"""The steps of a refresh, as scripts/refresh.py takes them."""
