"""Receiving what Bluma tells."""
