"""V-API: makes videos from prompts and images, extends and loops them, and calls back when they are finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from bluma_async._wire.call import Call, path
from bluma_async._wire.checks import require_link
from bluma_async.errors import AuthenticationError, NotFoundError, ServerError, WebhookVerificationError
from bluma_async.luma.adapter import Adapter, Capabilities, unsupported
from bluma_async.luma.decoder import Decoder, build_paid_call, build_read_call, parse_document, require_same
from bluma_async.luma.luma_format import LumaFormat, build_payload
from bluma_async.luma.refusals import Refusal
from bluma_async.luma.values import SUCCESS_CODES, parse_object, pick_id, pick_text

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError
    from bluma_async.types import Generation

__all__ = ["VApi"]

# The error for each code in a 200 answer that the facts about the provider list, and its HTTP status. Any other code
# may come after the create was accepted: as a ServerError it leaves the outcome uncertain, and a read is retried.
CODES: Mapping[str, tuple[type[APIError], int]] = {
    "invalid_token": (AuthenticationError, 401),
    "task_not_exist": (NotFoundError, 404),
}


def has_listed_code(_: int, fields: Mapping[str, Any]) -> bool:
    """Return whether the code of an envelope is a listed one."""
    return str(fields.get("code")).lower() in CODES


REFUSALS: Sequence[Refusal] = (Refusal(frozenset((200,)), has_listed_code),)


class VApiDecoder(LumaFormat):
    """The common format, with errors in the envelope of a 200 answer too."""

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:
        """Return the error of an HTTP status, or of the code in an envelope without a generation."""
        error, fields = super().find_error(answer, document, is_read=is_read), parse_object(document)
        code = str(fields.get("code", "success")).lower()
        if error is not None or code in SUCCESS_CODES or "id" in fields or fields.get("data"):
            return error
        kind, status = CODES.get(code, (ServerError, 502))
        message = pick_text(fields.get("message"), fields.get("msg")) or f"The server answered code {code}"
        return kind(message, status=status, type=code, metadata={"code": fields["code"], "http_status": answer.status})

    def decode_read(self, document: object, ids: Sequence[str]) -> Dict[str, Generation]:
        """
        Return the one generation.

        Raises:
            ServerError: The answer is about another generation.
        """
        [generation_id] = ids
        generation = self.decode_created(document)
        require_same(generation_id, generation.id)
        return {generation_id: generation}


class VApi(Adapter):
    """V-API's Luma API."""

    name: str = "vapi"
    base_url: str = "https://api.gpt.ge"
    key_variable: str = "VAPI_API_KEY"
    capabilities: Capabilities = Capabilities(
        extend=True, loop=True, callback=True, aspect_ratios=("1:1", "4:3", "3:4", "16:9", "9:16")
    )
    decoder: Decoder = VApiDecoder("vapi", REFUSALS)

    def build_create(self, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that starts a generation."""
        return self._build_start("/luma/generations", arguments)

    def build_extend(self, generation_id: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        """Build the call that extends a generation. An extension keeps its aspect ratio, and cannot be looped."""
        for name, operation in (
            ("loop", "loop an extension"),
            ("aspect_ratio", "change the aspect ratio of an extension"),
        ):
            if arguments.get(name) is not None:
                raise unsupported(self, operation)
        return self._build_start(path("/luma/generations", generation_id, "extend"), arguments)

    def build_read(self, ids: Sequence[str]) -> Call[Dict[str, Generation]]:
        """Build the call that reads one generation."""
        [generation_id] = ids
        return build_read_call(path("/luma/generations", generation_id), ids, self.decoder)

    def parse_callback(self, body: bytes, headers: Mapping[str, str], secret: str | None) -> str:  # noqa: ARG002 - nothing is signed
        """Return the id of the generation in a callback. V-API signs nothing, so there is nothing to verify."""
        try:
            fields = parse_object(parse_document(body))
        except ValueError:
            fields = {}
        data = parse_object(fields.get("data"))
        found = pick_id(data.get("task_id"), fields.get("task_id"), data.get("id"), fields.get("id"))
        if found is None:
            raise WebhookVerificationError(
                "The callback has no id of a generation; add an identifier of your own to the callback URL."
            )
        return found

    def _build_start(self, where: str, arguments: Mapping[str, Any]) -> Call[Generation]:
        if arguments.get("callback_url") is not None:
            require_link("callback_url", arguments["callback_url"])
        return build_paid_call(where, build_payload(self, arguments, takes_data=True), self.decoder)
