"""Count what a program was billed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluma_async.sandbox import Sandbox

__all__ = ["BillCheck"]


class BillCheck:
    """
    Checks how many videos a sandbox has billed since this object was made.

        assert_billed = BillCheck(sandbox)
        assert_billed(1)
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._before = len(sandbox.ledger.bills())

    def __call__(self, count: int, *, credits: int | None = None) -> None:  # noqa: A002 - the word of the API
        """
        Check how many videos were billed; refunded ones are counted, because they were billed first.

        Args:
            count: The number of videos. Those of test keys are not billed.
            credits: The credits that all of them cost, before refunds; None for any.

        Raises:
            AssertionError: It is another number, or another sum. The message lists the bills.
        """
        __tracebackhide__ = True  # pytest shows the line of the test
        bills = self._sandbox.ledger.bills()[self._before :]
        charged = -sum(int(bill["amount"]) for bill in bills)
        if len(bills) == count and credits in {None, charged}:
            return
        wanted = f"{count} video(s)" if credits is None else f"{count} video(s) for {credits} credits"
        lines = [f"  {bill['description']}: {-int(bill['amount'])} credits" for bill in bills]
        raise AssertionError("\n".join([f"Expected {wanted} billed, found {len(bills)} for {charged}:", *lines]))
