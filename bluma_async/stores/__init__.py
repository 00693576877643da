"""Durable state in SQLite files."""
