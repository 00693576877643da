"""API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from bluma_async._wire.call import compact, delete, get, path, post
from bluma_async._wire.checks import require_text
from bluma_async._wire.codec import Many, One
from bluma_async.types import ApiKey

if TYPE_CHECKING:
    from bluma_async._session.session import Session

__all__ = ["ApiKeys"]


class ApiKeys:
    """
    Make, list and revoke API keys.

    The real service wants a dashboard session token for these calls, in the place of an API key.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, name: str, environment: str, rate_limit_per_hour: int | None = None) -> ApiKey:
        """
        Make a key. Its `key` is told this once.

        Args:
            name: What to call it.
            environment: `test` or `production`; production needs a paid plan.
            rate_limit_per_hour: Fewer requests than the plan allows, for example to see what a 429 does.
        """
        body = compact(
            name=require_text("name", name),
            environment=require_text("environment", environment),
            rate_limit_per_hour=rate_limit_per_hour,
        )
        return await self._session.send(post("/api-keys", One(ApiKey), body))

    async def rotate(self, api_key_id: str) -> ApiKey:
        """
        Replace a key. The new `key` is told this once; the old one works for another 30 days.

        Raises:
            NotFoundError: There is no such key.
        """
        return await self._session.send(post(path("api-keys", api_key_id, "rotate"), One(ApiKey)))

    async def delete(self, api_key_id: str) -> None:
        """Revoke a key, at once."""
        await self._session.send(delete(path("api-keys", api_key_id)))

    async def list(self) -> List[ApiKey]:
        """Return all keys, without what makes them work."""
        return await self._session.send(get("/api-keys", Many(ApiKey, "api_keys")))
