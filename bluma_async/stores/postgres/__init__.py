"""Stores in PostgreSQL: for many processes and machines."""
