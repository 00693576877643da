"""`client.webhooks`, against the sandbox."""

from __future__ import annotations

import pytest

from bluma_async import AsyncBluma, errors
from tests.fakes import answer, client_with


async def test_webhooks(client: AsyncBluma) -> None:
    """Items 58 to 60: only the create returns the secret, and a delete ends the webhook."""
    made = await client.webhooks.create(url="https://myapp.com/hook", events=["video.completed", "video.failed"])
    listed = await client.webhooks.list()
    read = await client.webhooks.get(made.id)

    assert (made.id[:8], (made.secret or "")[:6]) == ("webhook_", "whsec_")
    assert [(entry.id, entry.url, entry.is_active, entry.secret) for entry in listed] == [
        (made.id, made.url, True, None)
    ]
    assert (read.secret, await client.webhooks.get_deliveries(made.id)) == (None, [])
    await client.webhooks.delete(made.id)
    with pytest.raises(errors.NotFoundError):
        await client.webhooks.get(made.id)
    with pytest.raises(errors.InvalidArgumentError, match="list"):
        await client.webhooks.create("https://x", "video.completed")
    with pytest.raises(errors.ValidationError) as wrong:
        await client.webhooks.create("https://x", ["video.exploded"])
    assert wrong.value.field == "events"


@pytest.mark.parametrize("body", [b"{}", b"", b"anything"])
async def test_a_delete_ignores_the_body_of_its_answer(body: bytes) -> None:
    """Item 60 and trap T-3: 200 with `{}`, 200 with an empty body, 204."""
    client, _, _ = client_with(answer(200 if body else 204, body if body != b"anything" else b'["x"]'))

    assert await client.webhooks.delete("webhook_1") is None  # type: ignore[func-returns-value]  # the test asserts that it returns nothing
