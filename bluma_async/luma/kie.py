"""
kie.ai: changes videos.

Rule 1: the HTTP status is 200 for errors too; the `code` in the body is checked first.
Rule 2: `code` 501 on a read means a failed generation, not an error of the server.
Rule 3: the signature of a callback covers only the task's id and the time. The rest of the callback is untrusted, so
the task is read again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import warnings
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Mapping, Sequence

from bluma_async._runtime.clock import MACHINE_TIME
from bluma_async._wire.answers import read_retry_after
from bluma_async._wire.call import Call, compact
from bluma_async._wire.checks import require_link, require_text
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
from bluma_async.luma.adapter import Adapter, Capabilities
from bluma_async.luma.decoder import (
    Decoder,
    build_paid_call,
    build_read_call,
    decode_http_error,
    parse_document,
    require_same,
)
from bluma_async.luma.refusals import Refusal, is_refused
from bluma_async.luma.values import (
    SUCCESS_CODES,
    parse_number,
    parse_object,
    parse_state,
    parse_text,
    parse_time,
    parse_urls,
    pick_id,
    pick_text,
)
from bluma_async.types import GeneratedVideo, Generation, GenerationState
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer

__all__ = ["Kie"]

FLAGS: Mapping[int, GenerationState] = {
    0: GenerationState.RUNNING,
    1: GenerationState.SUCCEEDED,
    2: GenerationState.FAILED,  # the task could not be created
    3: GenerationState.FAILED,  # the task was created, and the generation failed
    4: GenerationState.SUCCEEDED,  # the video was generated, and the callback failed
}
CALLBACK_FAILED = 4
FLAG_NAMES = ("successFlag", "state", "status")  # the first with a value counts: a null one is no state
# The error for each code, and its HTTP status. 455 is maintenance: the request was not accepted, like a 503.
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
# The codes after which nothing was queued. 500 and 501 may come later, and so may a code that is not listed above.
REFUSED_CODES: FrozenSet[int] = frozenset((401, 402, 404, 422, 429, 433, 455, 505))
FAILED_TASK = 501
TIMESTAMP_DIGITS = 15  # at most; Python refuses to parse thousands of them
MAX_CALLBACK_AGE = 300.0  # seconds between the time in a callback and the local clock


def has_refused_code(status: int, envelope: Mapping[str, Any]) -> bool:
    """Return whether the code of an envelope is that of a refusal; an HTTP status beside 200 must be the same."""
    code = _parse_whole(envelope.get("code"))
    return code in REFUSED_CODES and status in {200, code}


REFUSALS: Sequence[Refusal] = (Refusal(frozenset((200, *REFUSED_CODES)), has_refused_code),)


class KieDecoder:
    """The decoder of kie.ai's envelope: `code`, `msg` and `data`."""

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
        """Return the error for the code in the body; without a code, the error for the HTTP status."""
        envelope = parse_object(document)
        code = envelope.get("code")
        if code is None:
            return decode_http_error(answer, document)
        if _is_success(code) or (_is_failed_task(envelope) if is_read else _names_created_task(envelope)):
            return None
        kind, status = ERRORS.get(_parse_whole(code), (ServerError, 502))
        return kind(
            _find_message(envelope) or f"The server answered code {code}",
            status=status,
            type=str(code),
            metadata={"code": code, "http_status": answer.status},
            retry_after=read_retry_after(answer),
        )

    def is_refusal(self, answer: Answer, document: object) -> bool:
        """Return whether nothing was created, although the answer reports an error."""
        return is_refused(REFUSALS, answer.status, document)

    def decode_created(self, document: object) -> Generation:
        """
        Return a modification of which only the id is known yet.

        Raises:
            ValueError: There is no id.
        """
        envelope = parse_object(document)
        task_id = _find_created_id(envelope)
        if task_id is None:
            raise ValueError("no task id")
        return _make_modification(task_id, envelope, state=GenerationState.QUEUED)

    def decode_read(self, document: object, ids: Sequence[str]) -> Dict[str, Generation]:
        """
        Return the one task.

        Raises:
            NotFoundError: There is no such task, or it cannot be read yet: the envelope is a success without data.
            ServerError: The answer is about another task.
            ValueError: There is no code.
        """
        [task_id] = ids
        envelope = parse_object(document)
        if envelope.get("code") is None:
            raise ValueError("no code")
        data = parse_object(envelope.get("data"))
        require_same(task_id, pick_id(data.get("taskId"), data.get("task_id")))
        decode = _decode_failed_task if _is_failed_task(envelope) else _decode_task
        return {task_id: decode(envelope, task_id)}


class Kie(Adapter):
    """kie.ai's Luma API."""

    name: str = "kie"
    base_url: str = "https://api.kie.ai"
    key_variable: str = "KIE_API_KEY"
    capabilities: Capabilities = Capabilities(
        generate=False, modify=True, callback=True, signed_callback=True, poll_interval=30.0, timeout=1800.0
    )
    decoder: Decoder = KieDecoder()

    def build_create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a modification."""
        prompt = require_text("prompt", arguments.get("prompt"))
        letters = [letter for letter in prompt if letter.isalpha()]
        if sum(letter.isascii() for letter in letters) * 2 < len(letters):
            # A warning, not an error: the alphabet of a prompt does not prove its language.
            warnings.warn("kie takes prompts in English only.", stacklevel=4)
        callback_url = arguments.get("callback_url")
        payload = compact(
            prompt=prompt,
            videoUrl=require_link("video_url", arguments.get("video_url"), public=True),
            callBackUrl=None if callback_url is None else require_link("callback_url", callback_url),
            watermark=arguments.get("watermark"),
        )
        return build_paid_call("/api/v1/modify/generate", payload, self.decoder)

    def build_read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads one task."""
        [task_id] = ids
        query = {"taskId": require_text("id", task_id)}
        return build_read_call("/api/v1/modify/record-info", ids, self.decoder, **query)

    def parse_callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
        """Return the id of the task in a callback; with a secret, verify the signature first."""
        try:
            envelope = parse_object(parse_document(body))
        except ValueError:
            envelope = {}
        data = parse_object(envelope.get("data"))
        task_id = pick_id(data.get("taskId"), data.get("task_id"), envelope.get("taskId"))
        if task_id is None:
            raise WebhookVerificationError(
                "The callback does not contain the id of a task; add an identifier of your own to the callback URL."
            )
        if secret is not None:
            _verify(task_id, {name.lower(): value for name, value in headers.items()}, secret)
        return task_id


def sign(task_id: str, timestamp: str, secret: str) -> str:
    """Return the signature of a callback: base64 of the HMAC-SHA256 of id and Unix time."""
    digest = hmac.new(secret.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _verify(task_id: str, headers: Mapping[str, str], secret: str) -> None:
    timestamp, signature = headers.get("x-webhook-timestamp", ""), headers.get("x-webhook-signature", "")
    expected = sign(task_id, timestamp, secret)
    is_time = timestamp.isdecimal() and len(timestamp) <= TIMESTAMP_DIGITS
    is_recent = is_time and abs(MACHINE_TIME.utc().timestamp() - int(timestamp)) <= MAX_CALLBACK_AGE
    if not is_recent or not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise WebhookVerificationError("The callback's signature does not match, or its time is too far from now.")


def _is_success(code: object) -> bool:
    return str(code).lower() in SUCCESS_CODES or str(_parse_whole(code)) in SUCCESS_CODES


def _is_failed_task(envelope: Dict[str, Any]) -> bool:
    return _parse_whole(envelope.get("code")) == FAILED_TASK


def _find_created_id(envelope: Dict[str, Any]) -> str | None:
    data = parse_object(envelope.get("data"))
    return pick_id(data.get("taskId"), data.get("task_id"), data.get("recordId"))


def _names_created_task(envelope: Dict[str, Any]) -> bool:
    """Whether an answer to a create names a task, and does not refuse it: the task exists, whatever the code means."""
    return _find_created_id(envelope) is not None and _parse_whole(envelope.get("code")) not in REFUSED_CODES


def _decode_failed_task(envelope: Dict[str, Any], task_id: str) -> Generation:
    failure = AttrDict(code=FAILED_TASK, message=_find_message(envelope) or "no reason was given")
    return _make_modification(task_id, envelope, state=GenerationState.FAILED, raw_state=FAILED_TASK, error=failure)


def _decode_task(envelope: Dict[str, Any], task_id: str) -> Generation:
    data = parse_object(envelope.get("data"))
    if not data:
        raise NotFoundError(f"There is no task {task_id}, or it cannot be read yet.")
    request, response = (
        parse_object(data.get("paramJson") or data.get("promptJson")),
        parse_object(data.get("response")),
    )
    flag = next((data[name] for name in FLAG_NAMES if data.get(name) not in (None, "")), None)
    state, whole = _parse_flag(flag), _parse_whole(flag)
    found = parse_urls(response.get("resultUrls") or data.get("resultUrls") or data.get("resultJson"))
    return _make_modification(
        task_id,
        envelope,
        state=state,
        raw_state=flag if isinstance(flag, (str, int)) else whole if whole >= 0 else None,
        prompt=parse_text(request.get("prompt")),
        url=found[0] if found else None,
        videos=[GeneratedVideo(url=url, kind="result") for url in found],
        source_urls=parse_urls(response.get("originUrls")) or parse_urls(request.get("videoUrl")),
        created_at=parse_time(data.get("createTime")),
        completed_at=parse_time(data.get("completeTime")),
        error=_find_failure(data, state),
        callback_failed=whole == CALLBACK_FAILED,
    )


def _make_modification(task_id: str, envelope: Dict[str, Any], **fields: Any) -> Generation:
    return Generation(id=task_id, provider=Kie.name, kind="modification", raw=envelope, **fields)


def _find_message(envelope: Dict[str, Any]) -> str | None:
    return pick_text(envelope.get("msg"), envelope.get("message"))


def _find_failure(data: Dict[str, Any], state: GenerationState) -> AttrDict | None:
    message = parse_text(data.get("errorMessage"))
    if state != GenerationState.FAILED and message is None:
        return None
    return AttrDict(code=data.get("errorCode"), message=message or "no reason was given")


def _parse_flag(flag: object) -> GenerationState:
    """Return the state for a number, or for a word: newer APIs of kie.ai use words."""
    return FLAGS.get(_parse_whole(flag)) or parse_state(flag)


def _parse_whole(value: object) -> int:
    """Return a whole number, also one given as text or as 1.0; -1, which is no code and no flag, for other values."""
    number = parse_number(value)
    return int(number) if number is not None and number.is_integer() else -1
