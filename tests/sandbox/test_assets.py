"""Assets and the collections that they are in."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.sandbox.conftest import Plain


def make_form(collection_id: str) -> aiohttp.FormData:
    """Return a form with one picture for a collection."""
    form = aiohttp.FormData([("collection_id", collection_id)])
    form.add_field("files", b"x", filename="a.png", content_type="image/png")
    return form


@pytest.mark.parametrize("is_form", [False, True])
async def test_no_upload_goes_into_a_deleted_collection(plain: Plain, *, is_form: bool) -> None:
    """A deleted collection is a 404 as an unknown one is, for both forms of an upload, and no asset is created."""
    identifier = (await plain("POST", "/collections", {"name": "n"}))[1]["id"]
    await plain("DELETE", f"/collections/{identifier}")
    json: Any = {"fileName": "a.png", "fileType": "image/png", "collectionIds": [identifier]}
    body: Any = {"data": make_form(identifier)} if is_form else {"json": json}

    status, answer, _ = await plain("POST", "/assets/upload", **body)

    assert (status, answer["error"]["metadata"]["resource_id"]) == (404, identifier)
    assert (await plain("GET", "/assets"))[1]["total"] == 0


async def test_a_deleted_collection_has_no_assets(plain: Plain) -> None:
    """Its assets stay, and no search by it finds them any more."""
    identifier = (await plain("POST", "/collections", {"name": "n"}))[1]["id"]
    await plain("POST", "/assets/upload", data=make_form(identifier))
    before = (await plain("GET", f"/assets?collectionId={identifier}"))[1]["total"]
    await plain("DELETE", f"/collections/{identifier}")

    found = await plain("GET", f"/assets?collectionId={identifier}")
    chosen = await plain("GET", f"/assets/random?fileType=image&collectionId={identifier}")

    assert (before, found[0], found[1]["total"], chosen[0]) == (1, 200, 0, 404)
    assert (await plain("GET", "/assets"))[1]["total"] == 1
