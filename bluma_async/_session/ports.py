"""The protocols that a session depends on: transport, telemetry, coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Protocol, Sequence, Tuple, Union

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._wire.certainty import Explained
    from bluma_async._wire.messages import Answer, Download, Request

__all__ = ["Coordinator", "MeterProvider", "TelemetryOption", "TracerProvider", "Transport"]


class TracerProvider(Protocol):
    """A TracerProvider of OpenTelemetry."""

    @property
    def get_tracer(self) -> Callable[..., Any]:
        """The method that returns a tracer."""
        ...


class MeterProvider(Protocol):
    """A MeterProvider of OpenTelemetry."""

    @property
    def get_meter(self) -> Callable[..., Any]:
        """The method that returns a meter."""
        ...


TelemetryOption = Union[
    bool, TracerProvider, MeterProvider, Tuple[TracerProvider, MeterProvider], Tuple[MeterProvider, TracerProvider]
]


class Coordinator(Protocol):
    """Agrees with other processes that use the same account, before requests and about what they have made."""

    async def before_attempt(self, call: InFlightCall) -> None:
        """Wait until the attempt may be sent; raise if it must not be. Nothing else comes before the sending."""
        ...

    def after_attempt(self, call: InFlightCall, headers: Mapping[str, str]) -> None:
        """Note that an attempt has ended, and the headers of its answer; none if there was no answer."""
        ...

    async def find_video(self, call: InFlightCall) -> str | None:
        """
        Return the video that any process has recorded for a create of this one, or of an earlier run; None if none has.

        Raises:
            BlumaError: The other processes' knowledge cannot be read.
        """
        ...

    async def is_anothers(self, call: InFlightCall, video_id: str) -> bool:
        """
        Return whether the video that answers a create is another create's, as far as the other processes have recorded.

        Raises:
            BlumaError: The other processes' knowledge cannot be read.
        """
        ...

    def for_account(self, base_url: str, api_key: str, /) -> Coordinator:
        """Return the coordinator of another account, or of another key, over the same connections."""
        ...

    async def close(self) -> None:
        """Release what this coordinator has opened, in all event loops."""
        ...

    async def explain(self, call: InFlightCall, video_ids: Sequence[str]) -> Explained:
        """
        Return what all processes know about these videos.

        It is asked after a search for the video of a create, before a video is adopted. If another process has taken
        over the create, this one must not conclude anything, and an exception that is not a BlumaError says so.

        Raises:
            BlumaError: The other processes' knowledge cannot be read.
        """
        ...


class Transport(Protocol):
    """Sends requests and returns their answers."""

    async def send(self, request: Request, timeout: float, patience: float | None = None) -> Answer:
        """
        Send one request and return its answer.

        Args:
            request: The request.
            timeout: Seconds that the exchange may take, from connecting to the last byte.
            patience: Seconds to wait for a free connection and exchange, together; None for no limit.

        Raises:
            NetworkError: No answer came.
        """
        ...

    def stream(self, request: Request, timeout: float) -> AbstractAsyncContextManager[Download]:
        """
        Open an answer whose body is read piece by piece.

        `timeout` bounds the time until the head has arrived completely, and then the wait for each piece of the body.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        ...

    async def close(self) -> None:
        """Close every connection that this transport opened; exchanges under way end with a NetworkError."""
        ...
