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
    Create, rotate, list and revoke API keys.

    The documents of the API show a session token of the dashboard as the credential of these calls, not an API key.
    """

    def __init__(self, twin: asynchronous.ApiKeys) -> None:
        self._async = twin

    def create(self, name: str, environment: str, rate_limit_per_hour: int | None = None) -> ApiKey:
        """
        Create an API key. Only this answer has its secret `key`: store it.

        Args:
            name: A name for the key.
            environment: `test` or `production`; production needs a paid plan.
            rate_limit_per_hour: Requests per hour, to set a lower limit than that of the plan.

        Raises:
            InvalidArgumentError: The name or the environment is empty. Nothing was sent.
        """
        return run(self._async.create(name, environment, rate_limit_per_hour))

    def rotate(self, api_key_id: str | ApiKey) -> ApiKey:
        """
        Replace a key. Store the new secret, `key`: no later answer has it. The old key is valid for another 30 days.

        Raises:
            NotFoundError: There is no key with this id.
        """
        return run(self._async.rotate(api_key_id))

    def delete(self, api_key_id: str | ApiKey) -> None:
        """
        Revoke a key at once.

        Raises:
            NotFoundError: There is no key with this id.
        """
        run(self._async.delete(api_key_id))

    def list(self) -> List[ApiKey]:
        """Return all keys, without their secrets."""
        return run(self._async.list())
