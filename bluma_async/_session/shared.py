"""The state that all copies of one client share, each part with one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, cast

from bluma_async._session.budgets import Budgets
from bluma_async._session.connections import Connections
from bluma_async._session.prices import PriceBook
from bluma_async._session.schemas import TemplateSchemas
from bluma_async._session.server_clock import ServerClock
from bluma_async._session.transfer_slots import TransferSlots
from bluma_async._wire.certainty import CertaintyPolicy
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.content_turns import ContentTurns
    from bluma_async._session.ports import Transport
    from bluma_async._session.telemetry import Telemetry

__all__ = ["Shared"]


class Shared:
    """
    The state that a client and its copies share.

    It is the clock, the connections, the slots of downloads, the server's clock, the budgets, and what is known of
    templates and prices.
    """

    def __init__(
        self,
        clock: Clock,
        open_transport: Callable[[], Transport],
        *,
        has_custom_transport: bool = False,
        connection_limit: int = 100,
    ) -> None:
        self.clock = clock
        self.transfer_slots: TransferSlots = TransferSlots(connection_limit)
        self.connections: Connections = Connections(open_transport, is_custom=has_custom_transport)
        self.server_clock: ServerClock = ServerClock()
        self.budgets: Budgets = Budgets()
        self.schemas: TemplateSchemas = TemplateSchemas(clock)
        self.prices: PriceBook = PriceBook()
        self.certainty: CertaintyPolicy = CertaintyPolicy()
        self.environment: Mapping[str, str] = {}  # the variable of each option that has one
        self.telemetry: Telemetry | None = None
        self.pickled: Callable[[], tuple[Any, ...]] | None = None

    @property
    def content_turns(self) -> ContentTurns:
        """The turns of creates with the option `reuse`; few programs need them."""
        from bluma_async._session.content_turns import ContentTurns  # noqa: PLC0415 - loads file locks

        # Several threads may come at once, and all must get the same turns: `setdefault` is atomic, without a lock.
        return cast("ContentTurns", vars(self).setdefault("_content_turns", ContentTurns(self.clock)))

    def __reduce__(self) -> tuple[Any, ...]:
        if self.pickled is None:
            raise BlumaError("This client was not made by its constructor, and cannot be pickled.")
        return self.pickled()
