"""
Private presets: one variant for each journal and template, from which the jobs of the journal are created.

Reason: the API does not echo the prompt, but it echoes the variant. A video of a variant that only this journal uses is
one of its jobs', even if other programs create from the same template. Jobs that bring their own variant have no
preset, because other programs may use that variant too.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Dict, Mapping

from bluma_async.resources._creates.call import check_arguments, create_call
from bluma_async.resources._creates.checked import create_checked
from bluma_async.resources._creates.paid import send_create
from bluma_async.resources.variants import Variants

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.ports import JobStore
    from bluma_async.types import Video

__all__ = ["Presets"]

# Of the creates of planned jobs: a content was looked up before, in its turn, and the row was checked.
PLANNED: Mapping[str, Any] = {"reuse": None, "validate": "never"}


class Presets:
    """Creates the videos of jobs, from a preset if the batch asks for one."""

    def __init__(self, api: BatchApi, store: JobStore, *, is_wanted: bool) -> None:
        self._api = api
        self._store = store
        self._is_wanted = is_wanted
        self._paying = api.session.with_options(PLANNED)
        self._locks: Dict[str, asyncio.Lock] = {}

    async def require(self, template_id: str | None) -> str | None:
        """
        Return the preset of a template, which is created at its first use; None for jobs without a preset.

        Raises:
            BlumaError: The preset cannot be created. No video was.
        """
        if template_id is None or not self._is_wanted:
            return None
        async with self._locks.setdefault(template_id, asyncio.Lock()):
            preset = await self._store.read_preset(template_id)
            if preset is None:
                name = f"bluma batch {uuid.uuid4().hex[:12]}"
                preset = (await Variants(self._api.session).create(template_id, name)).id
                await self._store.write_preset(template_id, preset)
            return preset

    async def create(self, job: StoredJob, preset: str | None, request_key: str, content: str | None) -> Video:
        """Create the video of a job, from its preset if there is one; `content` is the hash of its content."""
        if preset is None:
            arguments = check_arguments(**job.arguments)
            return await create_checked(self._paying, arguments, request_key, content=content)
        changed: Dict[str, Any] = {**job.arguments, "template_id": None, "variant_id": preset}
        # The template stays the subject: the search for a lost create reads only its videos.
        call = create_call(check_arguments(**changed), request_key)
        call.subject, call.content = job.template_id, content
        return await send_create(self._api.session, call, preset=preset)
