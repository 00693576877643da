"""The blocking twin."""
