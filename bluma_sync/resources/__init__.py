# Generated from bluma_async/resources/__init__.py by `nox -s facade`: change that, not this.
"""The resources of the API, one module each."""
