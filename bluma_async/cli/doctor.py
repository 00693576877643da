"""`bluma doctor`: check what a program needs, and say what to do about each problem."""

from __future__ import annotations

from functools import partial

import click

from bluma_async.cli.accounts import Account, with_account
from bluma_async.cli.checks import Check, check_account, check_machine
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.output import say_aside
from bluma_async.cli.printing import Printer, prints

__all__ = ["doctor"]

MARKS = {"ok": "ok", "warning": "!!", "problem": "XX"}


@click.command()
@prints(Check, "state", "name", "detail", "advice")
@with_account
def doctor(account: Account, printer: Printer) -> None:
    """Check the key, the clock, the proxy, TLS, the rate limit, the disk and the versions. Exit code 1 on a problem."""
    checks = check_machine(account)
    if account.is_temporary or account.api_key:
        checks += account.call(partial(check_account, account=account), max_retries=0, timeout=10.0)
    if printer.is_json:
        printer.show_all(checks)
    else:
        for check in checks:
            printer.say(f"{MARKS[check.state]}  {check.name}: {check.detail}")
            if check.advice:
                printer.say(f"    {check.advice}")
    problems = sum(check.state == "problem" for check in checks)
    if problems:
        say_aside(f"{problems} problem(s).")
        raise click.exceptions.Exit(ExitCode.FAILED)
