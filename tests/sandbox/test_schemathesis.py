"""
A fuzzer, schemathesis, finds no difference between the OpenAPI document and the sandbox.

Each route is a test of its own, so that each is far below the time limit. The routes share one sandbox, as before: what
one creates, another finds.
"""

from __future__ import annotations

import sys
from typing import Any, Iterator

import pytest

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.app import ALL_ROUTES
from bluma_async.sandbox.routing import Route
from tests.live import Live

EXAMPLES = 6
pytestmark = [
    pytest.mark.skipif(sys.version_info < (3, 11), reason="schemathesis has no release for this Python"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def live() -> Iterator[Sandbox]:
    """Provide a sandbox in a thread of its own, for blocking clients."""
    with Live(credits=10**6, tier="enterprise") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def document(live: Sandbox) -> Any:
    """Provide the document as schemathesis reads it."""
    import schemathesis

    return schemathesis.openapi.from_url(f"{live.base_url}/openapi.json", headers=make_headers(live))


def make_headers(live: Sandbox) -> Any:
    """Return the headers of an authorised request."""
    return {"Authorization": f"Bearer {live.live_key}"}


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: route.name)
def test_schemathesis_finds_no_difference(live: Sandbox, document: Any, route: Route) -> None:
    """Generated requests are answered as the document describes."""
    import hypothesis

    operation = document[route.path][route.method]
    tried = 0

    @hypothesis.settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    @hypothesis.given(case=operation.as_strategy())
    def check(case: Any) -> None:
        nonlocal tried
        tried += 1
        case.call_and_validate(headers=make_headers(live))

    check()

    assert tried >= (EXAMPLES if operation.body or "{" in route.path or route.query else 1)
