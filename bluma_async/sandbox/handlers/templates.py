"""Handlers of `/templates`."""

from __future__ import annotations

from aiohttp import web

from bluma_async.sandbox.catalog import list_templates, template_view
from bluma_async.sandbox.routing import Route

__all__ = ["ROUTES"]


async def list_quickstart(_: web.Request) -> web.Response:
    """Return the five templates of the quickstart."""
    templates = list_templates()
    return web.json_response({"templates": templates, "total": len(templates)})


async def get(request: web.Request) -> web.Response:
    """Return a template."""
    return web.json_response(template_view(request.match_info["id"]))


ROUTES = (
    Route(
        method="GET", path="/templates", handler=list_quickstart, summary="List the templates", scope="templates:list",
        answer="TemplateList",
    ),
    Route(
        method="GET", path="/templates/{id}", handler=get, summary="Show a template", scope="templates:read",
        answer="Template", errors=(404,),
    ),
)  # fmt: skip
