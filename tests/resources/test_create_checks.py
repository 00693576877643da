"""Creates are checked before they are paid for: options always, a context if the template's schema is known."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.notices import BlumaWarning
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with

PROMPT = {"prompt": "Explain why the sky is blue"}
IDS = itertools.count()


def created(_: Any = None) -> Any:
    """Return the answer to an accepted create, with a new id."""
    return answer(202, {"id": f"batch_{next(IDS)}", "status": "queued", "template_id": "t", "credits_charged": 2})


def described(**schema: Any) -> Any:
    """Return the answer to a read of the template `t` with this schema."""
    return answer(200, {"id": "t", "context_schema": schema})


TYPED = described(required=["prompt"], properties={"prompt": {"type": "string"}, "voice": {"type": "string"}})


async def test_a_misspelt_option_is_not_billed(sandbox: Sandbox, client: AsyncBluma) -> None:
    """`resoluton` would be paid for, and rendered at the default resolution. Nothing is sent."""
    with pytest.raises(errors.InvalidArgumentError, match="did you mean 'resolution'"):
        await client.videos.create(PROMPT, "ugc-text-overlay", options={"resoluton": "4k"})

    assert (sandbox.state()["billed"], sandbox.state()["requests"]) == (0, 0)


@pytest.mark.parametrize("validate", ["warn", "never"])
async def test_the_option_validate_lets_it_through(sandbox: Sandbox, client: AsyncBluma, validate: Any) -> None:
    """With `warn` and `never` the option is sent as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BlumaWarning)
        await client.with_options(validate=validate).videos.create(
            PROMPT, "ugc-text-overlay", options={"resoluton": "4k"}
        )

    assert sandbox.state()["billed"] == 1


async def test_a_single_create_sends_no_request_of_its_own() -> None:
    """A schema that nobody has read is not fetched: the create is the only request."""
    client, transport, _ = client_with(created)

    await client.videos.create({"promt": "x"}, "t")

    assert transport.sent == ["POST /videos"]


async def test_a_known_schema_refuses_a_context_that_does_not_fit() -> None:
    """The template was read within the hour. The error names path, rule and nearest name; nothing is sent."""
    client, transport, clock = client_with(TYPED, created)
    await client.templates.get("t")

    with pytest.raises(errors.InvalidArgumentError) as caught:
        await client.videos.create({"promt": "x"}, "t")
    assert caught.value.validation_errors == [
        {"field": "context.promt", "message": "there is no such name; did you mean 'prompt'?", "rule": "properties"}
    ]
    assert str(caught.value).endswith("(rule properties). Nothing was sent.")
    assert transport.sent == ["GET /templates/t"]

    clock.time += 3600
    await client.videos.create({"promt": "x"}, "t")
    assert transport.sent[1:] == ["POST /videos"]


async def test_the_prompt_of_the_documents_is_created_whatever_the_schema_says() -> None:
    """Trap T-7: "Test" is shorter than the reference demands; there is a warning, and the create is sent."""
    client, transport, _ = client_with(described(properties={"prompt": {"type": "string", "minLength": 10}}), created)
    await client.templates.get("t")

    with pytest.warns(BlumaWarning, match=r"template 't', context\.prompt: it must have at least 10 characters"):
        await client.videos.create({"prompt": "Test"}, "t")

    assert transport.sent[1:] == ["POST /videos"]


async def test_warn_sends_and_never_is_silent() -> None:
    """What `error` refuses, `warn` reports; `never` does not even look."""
    client, transport, _ = client_with(TYPED, created)
    await client.templates.get("t")

    with pytest.warns(BlumaWarning, match="did you mean 'prompt'"):
        await client.with_options(validate="warn").videos.create({"promt": "x"}, "t")
    await client.with_options(validate="never").videos.create({"promt": "y"}, "t")

    assert transport.sent[1:] == ["POST /videos"] * 2


async def test_a_refused_create_gives_no_warning() -> None:
    """Nothing is sent, so there is one error, and no sentence about what is sent."""
    client, transport, _ = client_with(TYPED)
    await client.templates.get("t")

    with pytest.raises(errors.InvalidArgumentError, match=r"context\.voice"):
        await client.videos.create({"prompt": "x", "voice": 5, "mood": "x"}, "t", options={"fps": 60})

    assert transport.sent == ["GET /templates/t"]


async def test_the_words_of_a_warning_are_true_where_nothing_is_sent() -> None:
    """An estimate and a validation send nothing, and give the warnings of the create that they stand for."""
    client, _, _ = client_with(TYPED)
    context = {"prompt": "x", "mood": "x"}

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await client.templates.validate("t", context)
        await client.videos.estimate(context, "t")

    problem = "context.mood: the template's schema has no such name (rule properties)"
    expected = f"The context for the template 't', {problem}. A create sends it as it is."
    assert [str(entry.message) for entry in caught] == [expected] * 2


async def test_an_option_that_is_none_is_left_out() -> None:
    """As every other argument that is None; the server gets no null."""
    client, transport, _ = client_with(created)

    await client.videos.create(PROMPT, "t", options={"resolution": None, "watermark": True})

    (body,) = transport.bodies
    assert body == {"template_id": "t", "context": PROMPT, "options": {"watermark": True}}


async def test_a_variant_is_not_checked_by_its_templates_schema() -> None:
    """A variant may bring what its template requires."""
    client, transport, _ = client_with(TYPED, created)
    await client.templates.get("t")

    await client.videos.create({"promt": "x"}, variant_id="var_1")

    assert transport.sent[1:] == ["POST /videos"]


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"type": "objekt"}, {"$ref": "https://x/y"}])
async def test_a_schema_that_cannot_be_used_is_no_obstacle(schema: Any) -> None:
    """An invalid schema is reported by a warning, and the create is sent."""
    client, transport, _ = client_with(described(**schema), created)
    await client.templates.get("t")

    with pytest.warns(BlumaWarning, match="The context schema of the template 't': it is not used, because"):
        await client.videos.create({"prompt": 5}, "t")

    assert transport.sent[1:] == ["POST /videos"]


@pytest.mark.parametrize("unreadable", [["x"], "x", True])
async def test_a_schema_that_cannot_be_read_replaces_the_older_one(unreadable: Any) -> None:
    """The newest read decides: a context is not refused by rules that the template may have no more."""
    client, transport, _ = client_with(TYPED, answer(200, {"id": "t", "context_schema": unreadable}), created)
    await client.templates.get("t")
    await client.templates.get("t")

    await client.videos.create({"promt": "x"}, "t")

    assert transport.sent[2:] == ["POST /videos"]


async def test_a_callback_that_is_no_url_is_refused() -> None:
    """The API would answer with a 400."""
    client, transport, _ = client_with(created)

    with pytest.raises(errors.InvalidArgumentError, match="webhook_url must be an http:// or https:// URL, not 'nope'"):
        await client.videos.create(PROMPT, "t", webhook_url="nope")

    assert transport.sent == []


async def test_validate_reads_the_template_once() -> None:
    """`templates.validate` fetches a schema that is not known, and raises for a context that does not fit."""
    client, transport, _ = client_with(TYPED)

    await client.templates.validate("t", {"prompt": "Test"})
    with pytest.raises(errors.InvalidArgumentError, match=r"context\.voice: it must be string, not integer"):
        await client.templates.validate("t", {"prompt": "Test", "voice": 5})

    assert transport.sent == ["GET /templates/t"]


async def test_validate_accepts_every_context_of_a_template_without_a_schema() -> None:
    """Without a schema, no context is refused."""
    client, _, _ = client_with(answer(200, {"id": "t"}))

    await client.templates.validate("t", {"anything": 1})


@pytest.mark.parametrize("context", ["prompt", {"prompt": float("nan")}, {"prompt": b"x"}])
async def test_validate_refuses_what_cannot_be_sent(context: Any) -> None:
    """A context that is not a JSON object is refused before any request."""
    client, transport, _ = client_with(TYPED)

    with pytest.raises(errors.InvalidArgumentError):
        await client.templates.validate("t", context)

    assert transport.sent == []


async def test_a_schema_that_was_derived_guesses_no_types() -> None:
    """`requires_context` names no types, so only the documented names have one."""
    client, _, _ = client_with(answer(200, {"id": "t", "requires_context": {"prompt": True, "script": True}}), created)
    await client.templates.get("t")

    await client.videos.create({"prompt": "x", "script": "text"}, "t")
    with pytest.raises(errors.InvalidArgumentError, match=r"context\.script: it is missing"):
        await client.videos.create({"prompt": "x"}, "t")


async def test_the_templates_of_the_sandbox_take_all_documented_names(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Items 20 to 25 with a known schema: nothing that the documents send is refused or warned of."""
    await client.templates.get("ugc-text-overlay")
    context = {**PROMPT, "brand_assets": {"logo": "https://x/l.png"}, "system_prompt": "s", "custom_data": {"n": 1}}

    await client.videos.create(context, "ugc-text-overlay", options={"resolution": "4k", "watermark": False})
    await client.videos.create({"prompt": "Test"}, "ugc-text-overlay")

    assert sandbox.state()["billed"] == 2
