"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_async._wire.call import compact, delete, get, path, post
from bluma_async._wire.checks import require_id, require_text
from bluma_async._wire.codec import Many, One
from bluma_async.types import ApiKey

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["ApiKeys"]


class ApiKeys:
    """
    Create, rotate, list and revoke API keys.

    The documents of the API show a session token of the dashboard as the credential of these calls, not an API key.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, name: str, environment: str, rate_limit_per_hour: int | None = None) -> ApiKey:
        """
        Create an API key. Only this answer has its secret `key`: store it.

        Args:
            name: A name for the key.
            environment: `test` or `production`; production needs a paid plan.
            rate_limit_per_hour: Requests per hour, to set a lower limit than that of the plan.

        Raises:
            InvalidArgumentError: The name or the environment is empty. Nothing was sent.
        """
        body = compact(
            name=require_text("name", name),
            environment=require_text("environment", environment),
            rate_limit_per_hour=rate_limit_per_hour,
        )
        return await self._session.send(post("/api-keys", One(ApiKey), body))

    async def rotate(self, api_key_id: str | ApiKey) -> ApiKey:
        """
        Replace a key. Store the new secret, `key`: no later answer has it. The old key is valid for another 30 days.

        Raises:
            NotFoundError: There is no key with this id.
        """
        return await self._session.send(
            post(path("/api-keys", require_id("api_key_id", api_key_id, ApiKey), "rotate"), One(ApiKey))
        )

    async def delete(self, api_key_id: str | ApiKey) -> None:
        """
        Revoke a key at once.

        Raises:
            NotFoundError: There is no key with this id.
        """
        await self._session.send(delete(path("/api-keys", require_id("api_key_id", api_key_id, ApiKey))))

    async def list(self) -> List[ApiKey]:
        """Return all keys, without their secrets."""
        return await self._session.send(get("/api-keys", Many(ApiKey, "api_keys")))
