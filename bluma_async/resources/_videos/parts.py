"""
The functions that the methods of `videos` need. Each name loads its module when it is first used.

Reason: a program that reads one video and ends would spend most of its time on modules for creates, waits and files.
Rule: what may be needed after a create was sent is loaded before it is sent. The module of a create imports all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async._lazy import lazily

if TYPE_CHECKING:
    from bluma_async.resources._creates.call import check_arguments
    from bluma_async.resources._creates.checked import create_checked
    from bluma_async.resources._creates.estimating import estimate_video
    from bluma_async.resources._sharing import find_source
    from bluma_async.resources._videos.pages import download_call, list_call
    from bluma_async.resources._videos.saving import save_to, save_video
    from bluma_async.resources._videos.waits import wait_for_video
    from bluma_async.resources.video_job import begin_job, open_job
    from bluma_async.transfer.checks import require_verify
    from bluma_async.transfer.places import reserved
    from bluma_async.waiting.waits import require_wait

__all__ = [
    "begin_job",
    "check_arguments",
    "create_checked",
    "download_call",
    "estimate_video",
    "find_source",
    "list_call",
    "open_job",
    "require_verify",
    "require_wait",
    "reserved",
    "save_to",
    "save_video",
    "wait_for_video",
]

HOMES = {
    "begin_job": "bluma_async.resources.video_job",
    "check_arguments": "bluma_async.resources._creates.call",
    "create_checked": "bluma_async.resources._creates.checked",
    "download_call": "bluma_async.resources._videos.pages",
    "estimate_video": "bluma_async.resources._creates.estimating",
    "find_source": "bluma_async.resources._sharing",
    "list_call": "bluma_async.resources._videos.pages",
    "open_job": "bluma_async.resources.video_job",
    "require_verify": "bluma_async.transfer.checks",
    "require_wait": "bluma_async.waiting.waits",
    "reserved": "bluma_async.transfer.places",
    "save_to": "bluma_async.resources._videos.saving",
    "save_video": "bluma_async.resources._videos.saving",
    "wait_for_video": "bluma_async.resources._videos.waits",
}
lazily(__name__, HOMES)
