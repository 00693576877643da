"""The sandbox module of the fourth provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from aiohttp import web

from bluma_async.sandbox.luma.provider_api import ProviderApi
from bluma_async.sandbox.luma.requests import create_job, find_key, has_text, read_payload
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from bluma_async.sandbox.tables import Row


def refuse(status: int, message: str) -> web.Response:
    """Return an error."""
    return web.json_response({"message": message}, status=status)


async def create(request: web.Request) -> web.Response:
    """Start a generation."""
    key = find_key(request)
    if key is None:
        return refuse(401, "Unknown key")
    payload = await read_payload(request)
    if not has_text(payload, "text"):
        return refuse(400, "text is required")
    row = create_job(request, "fourth", key, payload, payload["text"])
    return refuse(402, "No credits") if row is None else build_render(request.app[STATE], row)


async def get(request: web.Request) -> web.Response:
    """Return a generation."""
    state = request.app[STATE]
    row = state.jobs.find("fourth", request.match_info["uid"])
    return refuse(404, "Unknown render") if row is None else build_render(state, row)


def build_render(state: State, row: Row) -> web.Response:
    """Return the answer with a generation."""
    phase, url = state.jobs.find_state(row), state.jobs.sign_url(row, 3600.0)
    render: Dict[str, Any] = {"uid": row["id"], "phase": phase, "text": row["prompt"], "at": row["created"]}
    problem = "generation failed" if phase == "failed" else None
    return web.json_response({"render": {**render, "file": url, "problem": problem}})


API = ProviderApi(base_path="/fourth", routes=(("POST", "/renders", create), ("GET", "/renders/{uid}", get)))
