# Generated from bluma_async/batch/__init__.py by `nox -s facade`: change that, not this.
"""Durable batches: many jobs, each billed once, even if the process is killed."""
