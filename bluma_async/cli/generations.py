"""
Wait for a generation of a Luma provider, and save it: after its create, or later by its id.

Rule: a generation is paid for when its id is known. From then on each way to stop prints the command that saves it,
except in a sandbox, which ends with the command.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Dict

import attrs

from bluma_async.cli.accounts import ENDED
from bluma_async.cli.continuing import advise, spell_command
from bluma_async.cli.luma_accounts import is_temporary
from bluma_async.cli.output import format_size, say_aside, say_surely
from bluma_async.cli.printing import Record
from bluma_async.cli.progress import print_news
from bluma_async.errors import BlumaError, WaitTimeoutError
from bluma_async.transfer.places import check_place
from bluma_async.types import Generation, GenerationState
from bluma_async.waiting.waits import require_wait

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.luma.client import AsyncLuma
    from bluma_async.luma.registry import ProviderName
    from bluma_async.transfer.checks import Verify

__all__ = ["SANDBOX_POLL", "SavedGeneration", "Saving", "describe_failure", "find_resource", "read_wait"]

SANDBOX_POLL = 0.1


@attrs.frozen(kw_only=True)
class SavedGeneration(Record):
    """A generation that was saved, and where."""

    id: str
    kind: str
    provider: str
    path: str
    size_bytes: int


@attrs.frozen(kw_only=True)
class Saving:
    """
    The options of the wait for a generation, and of its file.

    Attributes:
        provider: The provider.
        output: The path or URL that was given.
        overwrite: Whether an existing file may be replaced.
        verify: What of the file is compared with its description.
        poll_interval: Seconds between two polls; None for the provider's own.
        timeout: Seconds to wait; None for the provider's own.
        printer: Prints the result; as JSON, if that is asked for.
        sandbox: The account of the sandbox to use; None for the provider itself.
    """

    provider: ProviderName
    output: Path | str
    overwrite: bool
    verify: Verify
    poll_interval: float | None
    timeout: float | None
    printer: Printer
    sandbox: Account | None

    @property
    def is_temporary(self) -> bool:
        """Whether the provider is a sandbox that ends with the command."""
        return is_temporary(self.sandbox)

    def require(self) -> None:
        """Require valid options, and a place that takes a file, before anything is paid for."""
        read_wait(self.poll_interval, self.timeout)
        check_place(self.output, overwrite=self.overwrite, option="--overwrite")

    def note(self, text: str) -> None:
        """Print a line for people: to the standard error, if the standard output has JSON."""
        (say_aside if self.printer.is_json else say_surely)(text)

    async def finish(self, client: AsyncLuma, generation: Generation | str) -> None:
        """
        Wait for a generation, save it, and print what was saved.

        Raises:
            BlumaError: It failed, was not finished in time, or cannot be saved.
        """
        resource, size = find_resource(client), 0
        wait = read_wait(SANDBOX_POLL if self.is_temporary else self.poll_interval, self.timeout)
        try:
            found: Generation = await resource.wait_for(generation, **wait, on_status=print_news)
            if found.state == GenerationState.SUCCEEDED:
                size = await resource.save(found, self.output, overwrite=self.overwrite, verify=self.verify)
        except (asyncio.CancelledError, BlumaError) as problem:
            self._explain(problem, generation if isinstance(generation, str) else generation.id)
            raise
        if found.state != GenerationState.SUCCEEDED:
            raise BlumaError(describe_failure(found))
        self._print_saved(found, size)

    def _explain(self, problem: BaseException, generation_id: str) -> None:
        """Print how to continue after a failure or Ctrl-C; a sandbox that ends with the command continues nothing."""
        if not isinstance(problem, BlumaError):
            command = spell_command("save", generation_id=generation_id)
            say_aside(f"Stopped. {ENDED if self.is_temporary else f'Save it when it is finished, with: {command}'}")
        elif not self.is_temporary:
            advise(problem, generation_id=generation_id)
        elif isinstance(problem, WaitTimeoutError):
            problem.message = f"The generation {generation_id} was not finished in time. {ENDED}"

    def _print_saved(self, found: Generation, size: int) -> None:
        self.note(f"Saved {self.output}: {format_size(size)}")
        if self.printer.is_json:
            place, kind = str(self.output), str(found.kind)
            self.printer.show(
                SavedGeneration(id=found.id, kind=kind, provider=self.provider, path=place, size_bytes=size)
            )


def describe_failure(generation: Generation) -> str:
    """Return a sentence about a generation that has not succeeded."""
    reason = generation.error.message if generation.error else generation.raw_state
    return f"The {generation.kind} failed: {reason}."


def find_resource(client: AsyncLuma) -> Any:
    """Return the resource that a provider has: `modifications` if it modifies videos, else `generations`."""
    return client.modifications if client.capabilities.modify else client.generations


def read_wait(poll_interval: float | None, timeout: float | None) -> Dict[str, float]:
    """
    Return the options of a wait that were given; the provider has values for the others.

    Raises:
        InvalidArgumentError: One of them is invalid.
    """
    given = {"poll_interval": poll_interval, "timeout": timeout}
    found = {name: value for name, value in given.items() if value is not None}
    require_wait(found.get("poll_interval", 1.0), found.get("timeout", 1.0), None, None, ())
    return found
