"""`bluma balance`, `history` and `usage`: the credits and the requests of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

import click

from bluma_async.cli.accounts import with_account
from bluma_async.cli.combinations import refuse_options, require_span
from bluma_async.cli.printing import prints
from bluma_async.cli.times import parse_begin, parse_end
from bluma_async.types import CreditBalance, Transaction, UsageMetrics

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma

__all__ = ["balance", "history", "usage"]


@click.command()
@prints(CreditBalance)
@with_account
def balance(account: Account, printer: Printer) -> None:
    """Show the credits of the account."""
    printer.show(account.call(lambda client: client.credits.get_balance()))


@click.command()
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="The most transactions.")
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True, help="The newest ones to leave out.")
@click.option("--all", "wants_all", is_flag=True, help="Print all transactions, whatever their number.")
@prints(Transaction, "id", "amount", "type", "created_at", "balance_after", "description")
@with_account
def history(account: Account, printer: Printer, limit: int, offset: int, wants_all: bool) -> None:
    """List the changes of the balance, newest first."""
    if wants_all:
        refuse_options("limit", "offset", reason="--all prints all transactions")

    async def read(client: AsyncBluma) -> List[Transaction]:
        if wants_all:
            return [transaction async for transaction in client.credits.iterate()]
        return (await client.credits.get_history(limit, offset)).transactions

    printer.show_all(account.call(read))


@click.command()
@click.option("--period", metavar="LENGTH", help="Such as 7d. Default: the API's.")
@click.option(
    "--from",
    "start_date",
    type=parse_begin,
    metavar="TIME",
    help="The beginning, instead of a period: 2026-01-31, in UTC.",
)
@click.option("--to", "end_date", type=parse_end, metavar="TIME", help="The end; a date includes its day.")
@prints(UsageMetrics)
@with_account
def usage(
    account: Account, printer: Printer, period: str | None, start_date: datetime | None, end_date: datetime | None
) -> None:
    """Show the requests, their latency in milliseconds, and the credits of a period."""
    require_span(start_date, end_date)
    if start_date is not None or end_date is not None:
        refuse_options("period", reason="--from and --to are used instead of a period")
    printer.show(account.call(lambda client: client.usage.get_metrics(start_date, end_date, period)))
