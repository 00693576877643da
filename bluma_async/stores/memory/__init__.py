"""Stores in memory: for one process, and the reference that the databases are compared with."""
