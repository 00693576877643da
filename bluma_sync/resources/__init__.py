# Generated from bluma_async/resources/__init__.py by `nox -s facade`: change that, not this.
"""What the API has, one resource to a module."""
