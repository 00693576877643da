# Generated from bluma_async/resources/_videos/__init__.py by `nox -s facade`: change that, not this.
"""Read, list, wait for, and save videos."""
