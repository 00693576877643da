"""
kie.ai: changes videos.

Rule 1: the HTTP status says nothing; the body's `code` is looked at first.
Rule 2: `code` 501 on a read is a failed generation, and no error of the server's.
Rule 3: a callback's signature covers its id and time alone, so the task is read again before anything is believed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from bluma_async._wire.call import Call, compact
from bluma_async._wire.checks import require_text
from bluma_async.errors import (
    APIError,
    AuthenticationError,
    ForbiddenError,
    InsufficientCreditsError,
    NotFoundError,
    RateLimitError,
    ServerError,
    ValidationError,
    WebhookVerificationError,
)
from bluma_async.luma.adapter import Capabilities, asking, document, http_refusal, reader, starting, unsupported
from bluma_async.luma.checks import require_link, warn_of_language
from bluma_async.luma.decoding import GOOD, STATES, first, moment, obj, text, urls
from bluma_async.types import GeneratedVideo, Generation, GenerationState
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer

__all__ = ["Kie"]

FLAGS: Mapping[int, GenerationState] = {
    0: GenerationState.RUNNING,
    1: GenerationState.SUCCEEDED,
    2: GenerationState.FAILED,  # the task could not be created
    3: GenerationState.FAILED,  # it was created, and the generation failed
    4: GenerationState.SUCCEEDED,  # it was generated, and its callback failed
}
# What a code is as an error, and the status that goes with it; 455 is maintenance: nothing was accepted.
ERRORS: Mapping[int, tuple[type[APIError], int]] = {
    401: (AuthenticationError, 401),
    402: (InsufficientCreditsError, 402),
    404: (NotFoundError, 404),
    422: (ValidationError, 422),
    429: (RateLimitError, 429),
    433: (ForbiddenError, 403),
    455: (ServerError, 503),
    500: (ServerError, 500),
    501: (APIError, 501),
    505: (ForbiddenError, 403),
}
FAILED_TASK = 501
TOLERANCE = 300.0  # seconds by which a callback's time may differ from ours


class Kie:
    """kie.ai's Luma API."""

    name: str = "kie"
    base_url: str = "https://api.kie.ai"
    key_variable: str = "KIE_API_KEY"
    capabilities: Capabilities = Capabilities(
        generate=False, modify=True, callback=True, signed_callback=True, poll_interval=30.0, timeout=1800.0
    )

    def create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a modification."""
        prompt = require_text("prompt", arguments.get("prompt"))
        warn_of_language(self, prompt)
        callback_url = arguments.get("callback_url")
        body = compact(
            prompt=prompt,
            videoUrl=require_link("video_url", arguments.get("video_url"), public=True),
            callBackUrl=None if callback_url is None else require_link("callback_url", callback_url),
            watermark=arguments.get("watermark"),
        )
        read = reader(_refusal, partial(_created, prompt))
        return starting("/api/v1/modify/generate", body, read)

    def extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:  # noqa: ARG002 - as all have it
        """Refuse."""
        raise unsupported(self, "extend videos")

    def read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads one task."""
        [task_id] = ids
        require_text("id", task_id)
        read = reader(partial(_refusal, task=True), lambda told: {task_id: _task(obj(told), task_id)})
        return asking("/api/v1/modify/record-info", read, taskId=task_id)

    def callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
        """Return which task a callback tells of, if it is signed as it should be."""
        try:
            told = obj(document(body))
        except ValueError:
            told = {}
        data = obj(told.get("data"))
        task_id = first(data.get("taskId"), data.get("task_id"), told.get("taskId"))
        if task_id is None:
            raise WebhookVerificationError("The callback names no task; put a word of your own into its URL.")
        if secret is not None:
            _verify(task_id, {name.lower(): value for name, value in headers.items()}, secret)
        return task_id


def sign(task_id: str, timestamp: str, secret: str) -> str:
    """Return the signature of a callback."""
    digest = hmac.new(secret.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _verify(task_id: str, headers: Mapping[str, str], secret: str) -> None:
    told, signature = headers.get("x-webhook-timestamp", ""), headers.get("x-webhook-signature", "")
    expected = sign(task_id, told, secret)
    is_now = told.isdigit() and abs(time.time() - int(told)) <= TOLERANCE
    if not is_now or not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise WebhookVerificationError("The callback's signature does not match, or is of another time.")


def _refusal(answer: Answer, told: object, *, task: bool = False) -> APIError | None:
    code = obj(told).get("code")
    if code is None:
        return http_refusal(answer, told) or ServerError("The answer has no code.", status=502)
    if str(code).lower() in GOOD or (task and str(code) == str(FAILED_TASK)):
        return None
    said = first(obj(told).get("msg"), obj(told).get("message")) or f"The server answered code {code}"
    kind, status = ERRORS.get(_whole(code), (ServerError, 502))
    after = answer.headers.get("retry-after", "")
    return kind(
        said,
        status=status,
        type=str(code),
        metadata={"code": code, "http_status": answer.status},
        retry_after=float(after) if after.isdigit() else None,
    )


def _created(prompt: str, told: object) -> Generation:
    data = obj(obj(told)["data"])
    task_id = first(data.get("taskId"), data.get("task_id"), data.get("recordId"))
    if task_id is None:
        raise ValueError("no task id")
    return _modification(task_id, obj(told), state=GenerationState.QUEUED, prompt=prompt)


def _task(told: Dict[str, Any], task_id: str) -> Generation:
    if str(told.get("code")) == str(FAILED_TASK):
        error = AttrDict(code=FAILED_TASK, message=first(told.get("msg"), told.get("message")) or "it failed")
        return _modification(task_id, told, state=GenerationState.FAILED, raw_state=FAILED_TASK, error=error)
    data = obj(told.get("data"))
    if not data:
        raise NotFoundError(f"There is no task {task_id}, or not yet.")
    asked, response = obj(data.get("paramJson") or data.get("promptJson")), obj(data.get("response"))
    flag = data.get("successFlag", data.get("state", data.get("status")))
    found = urls(response.get("resultUrls") or data.get("resultUrls") or data.get("resultJson"))
    return _modification(
        task_id,
        told,
        state=_state(flag),
        raw_state=flag,
        prompt=text(asked.get("prompt")),
        url=found[0] if found else None,
        videos=[GeneratedVideo(url=url, kind="result") for url in found],
        source_urls=urls(response.get("originUrls")) or urls(asked.get("videoUrl")),
        created_at=moment(data.get("createTime")),
        completed_at=moment(data.get("completeTime")),
        error=_error(data, _state(flag)),
        callback_failed=_whole(flag) == 4,
    )


def _modification(task_id: str, told: Dict[str, Any], **known: Any) -> Generation:
    return Generation(id=task_id, provider=Kie.name, kind="modification", raw=told, **known)


def _error(data: Dict[str, Any], state: GenerationState) -> AttrDict | None:
    message = text(data.get("errorMessage"))
    if state != GenerationState.FAILED and message is None:
        return None
    return AttrDict(code=data.get("errorCode"), message=message or "it failed")


def _state(flag: object) -> GenerationState:
    known = FLAGS.get(_whole(flag))
    word = flag.strip().lower() if isinstance(flag, str) else ""
    return known or STATES.get(word, GenerationState.UNKNOWN)


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return -1
