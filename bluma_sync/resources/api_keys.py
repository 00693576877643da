# Generated from bluma_async/resources/api_keys.py by `nox -s facade`: change that, not this.
"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import api_keys as asynchronous
    from bluma_async.types import ApiKey

__all__ = ["ApiKeys"]


class ApiKeys:
    """
    Make, list and revoke API keys.

    The real service wants a dashboard session token for these calls, in the place of an API key.
    """

    def __init__(self, twin: asynchronous.ApiKeys) -> None:
        self._async = twin

    def create(self, name: str, environment: str, rate_limit_per_hour: int | None = None) -> ApiKey:
        """
        Make a key. Its `key` is told this once.

        Args:
            name: What to call it.
            environment: `test` or `production`; production needs a paid plan.
            rate_limit_per_hour: Fewer requests than the plan allows, for example to see what a 429 does.
        """
        return run(self._async.create(name, environment, rate_limit_per_hour))

    def rotate(self, api_key_id: str) -> ApiKey:
        """
        Replace a key. The new `key` is told this once; the old one works for another 30 days.

        Raises:
            NotFoundError: There is no such key.
        """
        return run(self._async.rotate(api_key_id))

    def delete(self, api_key_id: str) -> None:
        """Revoke a key, at once."""
        run(self._async.delete(api_key_id))

    def list(self) -> List[ApiKey]:
        """Return all keys, without what makes them work."""
        return run(self._async.list())
