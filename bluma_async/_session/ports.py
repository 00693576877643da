"""The transport, and providers of telemetry, as protocols: tests and users pass in their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Protocol, Tuple, Union

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bluma_async._wire.messages import Answer, Download, Request

__all__ = ["MeterProvider", "TelemetryOption", "TracerProvider", "Transport"]


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
        Open an answer whose body is read piece by piece; `timeout` bounds the connecting, and the wait for each piece.

        Raises:
            NetworkError: No answer came, or the connection broke while it was read.
        """
        ...

    async def close(self) -> None:
        """Close every connection that this transport opened."""
        ...
