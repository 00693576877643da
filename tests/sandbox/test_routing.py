"""The paths under which routes answer."""

from __future__ import annotations

from tests.sandbox.conftest import Plain


async def test_both_path_families_answer(plain: Plain) -> None:
    """Conflicts C-6 and C-7: the paths of the documents and those of the 1.2.0 package both work."""
    _, made, _ = await plain("POST", "/asset-pool/collections", {"name": "c"})
    _, variant, _ = await plain("POST", "/dashboard/templates/cat-explainer-v2/variants", {"name": "v"})

    assert (await plain("GET", f"/collections/{made['id']}"))[0] == 200
    assert (await plain("GET", f"/templates/cat-explainer-v2/variants/{variant['id']}"))[0] == 200
    assert (await plain("GET", "/asset-pool/assets"))[0] == 200
    assert (await plain("GET", f"/templates/meme-dialogue/variants/{variant['id']}"))[0] == 404
