"""
Decode the answers of a provider: a generation, or the error that the provider reports.

Rule 1: the API key is masked in errors, after decoding, and never before. A key can be equal to a word of the answer,
such as `completed`; if it were masked first, a finished generation would be decoded as an unknown one.
Rule 2: any body leads to a decoded value or to an APIError. A success that cannot be decoded is a ServerError with
status 502: a read is retried, as after the answer of a failing gateway. Its `http_status` is 2xx, so a create counts as
accepted and is never sent again.
Rule 3: errors are raised where no local variable holds the document: error reporters store local variables, and a
server can send the key back.
Rule 4: every error that an answer reports gets its `is_refusal` here, from the adapter's list and the unchanged body.
An adapter that lists nothing has only the refusals that all providers have in common.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Protocol, Sequence, TypeVar, cast

import attrs

from bluma_async._wire.answers import decode_error
from bluma_async._wire.call import Safety, get, post
from bluma_async._wire.json_values import parse_first
from bluma_async._wire.messages import Answer
from bluma_async.errors import APIError, ServerError
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async._runtime.secret import Secret
    from bluma_async._wire.call import Call
    from bluma_async.types import Generation

__all__ = ["Decoder", "build_paid_call", "build_read_call", "decode_http_error", "parse_document", "require_same"]

T = TypeVar("T")
EXCERPT = 200  # characters of an undecodable body that an error shows


class Decoder(Protocol):
    """
    The decoder of one provider's answers.

    `document` is the parsed JSON body, or None if the body is no JSON. KeyError, TypeError and ValueError of the decode
    methods mean that the answer cannot be decoded.
    """

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
        """Return the error that the answer to a read, or to a create, reports; None if it reports success."""
        ...

    def is_refusal(self, answer: Answer, document: object) -> bool:
        """Return whether the provider's documents attest that nothing is created if an answer reports this error."""
        ...

    def decode_created(self, document: object) -> Generation:
        """Return the generation that a create or an extension started."""
        ...

    def decode_read(self, document: object, ids: Sequence[str]) -> Dict[str, Generation]:
        """Return the generations of a read by their ids; `ids` are those that were asked for."""
        ...


def build_paid_call(where: str, payload: object, decoder: Decoder) -> Call[Generation]:
    """Build a call that costs money: it is never sent again after an uncertain outcome."""

    def read(answer: Answer, secret: Secret) -> Generation:
        find_error = partial(_find_error, decoder, is_read=False)
        return _mask_failure(_get(_read(answer, secret, find_error, decoder.decode_created)), secret)

    return post(where, _not_used, payload, safety=Safety.COSTS_MONEY, read=read)


def build_read_call(where: str, ids: Sequence[str], decoder: Decoder, **query: str) -> Call[Dict[str, Generation]]:
    """Build a call that reads generations."""

    def read(answer: Answer, secret: Secret) -> Dict[str, Generation]:
        find_error = partial(_find_error, decoder, is_read=True)
        found = _get(_read(answer, secret, find_error, lambda document: decoder.decode_read(document, ids)))
        return {name: _mask_failure(generation, secret) for name, generation in found.items()}

    call: Call[Dict[str, Generation]] = get(where, _not_used, **query)
    call.read = read
    return call


def parse_document(body: bytes) -> Any:
    """
    Return the first JSON document of a body, or None for an empty body.

    V-API appends a second document to errors, and declares JSON as text: the content type and the rest are ignored. So
    is a byte order mark.

    Raises:
        ValueError: The body does not begin with a JSON document, or is nested too deeply.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    return parse_first(text) if text else None


def require_same(asked_for: str, named: str | None) -> None:
    """
    Require that an answer is about the generation that was asked for. An answer without an id is believed.

    Raises:
        ServerError: It names another one, so it belongs to another request. A read is retried, and a wait goes on.
    """
    if named is not None and named != asked_for:
        raise ServerError(f"The answer is about {named!r}, and {asked_for!r} was asked for.", status=502)


def decode_http_error(answer: Answer, document: object) -> APIError | None:
    """Return the error for an HTTP status that is not 2xx, with the provider's message and code, or None."""
    if 200 <= answer.status < 300:
        return None
    body = json.dumps(_normalize_error(document)).encode() if document else answer.body
    return decode_error(Answer(answer.status, answer.headers, body))


def _normalize_error(document: object) -> Dict[str, Any]:
    """Return an error body, in any of the shapes of the providers, in the shape of Bluma's own errors."""
    if not isinstance(document, dict):
        return {"error": {"detail": document if isinstance(document, str) else json.dumps(document)}}
    outer = cast("Dict[str, Any]", document)
    inner: Any = next((outer[name] for name in ("error", "detail") if isinstance(outer.get(name), dict)), outer)
    fields = cast("Dict[str, Any]", inner)
    messages = [fields.get(name) for name in ("message", "msg", "reason", "detail", "error")]
    code = fields.get("code") or fields.get("type")
    return {
        "error": {
            "detail": next((message for message in messages if isinstance(message, str) and message), None),
            "type": None if code is None else str(code),
            "request_id": outer.get("requestId") or outer.get("request_id"),
            "metadata": {"body": outer},
        }
    }


def _get(outcome: T | APIError) -> T:
    if isinstance(outcome, APIError):
        raise outcome
    return outcome


def _find_error(decoder: Decoder, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
    """Return the error that an answer reports, with the HTTP status, and whether it is a refusal; or None."""
    error = decoder.find_error(answer, document, is_read=is_read)
    if error is not None:
        error.http_status = answer.status
        error.is_refusal = error.is_api_answer = decoder.is_refusal(answer, document)
    return error


def _read(
    answer: Answer,
    secret: Secret,
    find_error: Callable[[Answer, object], APIError | None],
    decode: Callable[[object], T],
) -> T | APIError:
    """Return the decoded answer, or the error to raise."""
    if answer.flaw and 200 <= answer.status < 300:
        return _make_unreadable(answer, secret, answer.flaw)
    try:
        document: object = parse_document(answer.body)
    except ValueError:
        # Nothing will be decoded, so the body can be masked now; later, an excerpt could end inside the key.
        document, answer = (
            None,
            attrs.evolve(answer, body=secret.mask(answer.body.decode("utf-8", "replace")).encode()),
        )
    error = find_error(answer, document)
    if error is not None:
        return _mask_error(error, secret)
    try:
        return decode(document)
    except (KeyError, TypeError, ValueError, RecursionError) as problem:
        flaw = f"cannot be read ({type(problem).__name__})"
    except APIError as missing:
        missing.http_status = answer.status
        return _mask_error(missing.with_traceback(None), secret)
    return _make_unreadable(answer, secret, flaw)


def _make_unreadable(answer: Answer, secret: Secret, flaw: str) -> ServerError:
    excerpt = secret.mask(answer.body.decode("utf-8", "replace"))[:EXCERPT]
    return ServerError(
        f"The server answered {answer.status}, but its body {flaw}: {excerpt!r}",
        status=502,
        http_status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        metadata={"http_status": answer.status, "body": excerpt},
    )


def _mask_error(error: APIError, secret: Secret) -> APIError:
    error.args = tuple(_mask(list(error.args), secret))
    for name, value in vars(error).items():
        setattr(error, name, _mask(value, secret))
    return error


def _mask_failure(generation: Generation, secret: Secret) -> Generation:
    """Mask the key in the reason of a failed generation: reprs and logs show it. All other fields stay unchanged."""
    if generation.error is not None:
        generation.error = AttrDict(_mask(dict(generation.error), secret))
    return generation


def _mask(value: Any, secret: Secret) -> Any:
    """Return a JSON value with the secret replaced in all its texts; short secrets stay, as in all other answers."""
    return _replace_texts(value, secret) if secret.can_be_masked else value


def _replace_texts(value: Any, secret: Secret) -> Any:
    if isinstance(value, str):
        return secret.mask(value)
    if isinstance(value, dict):
        entries = cast("Dict[str, Any]", value)
        return {_replace_texts(name, secret): _replace_texts(entry, secret) for name, entry in entries.items()}
    if isinstance(value, list):
        return [_replace_texts(entry, secret) for entry in cast("List[object]", value)]
    return value


def _not_used(document: object) -> Any:
    """Stand for `Call.decode`, which calls with their own `read` do not use."""
    return document
