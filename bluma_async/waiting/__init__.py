"""Waiting for what takes minutes."""
