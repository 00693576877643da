# Generated from bluma_async/batch/__init__.py by `nox -s facade`: change that, not this.
"""Many jobs, each billed once, whatever happens to the process."""
