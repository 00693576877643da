# Generated from bluma_async/luma/__init__.py by `nox -s facade`: change that, not this.
"""The Luma providers: one client, one adapter for each provider."""
