"""`bluma doctor`: check what a program needs, and say what to do about each problem."""

from __future__ import annotations

from functools import partial
from typing import List

import click

from bluma_async.cli.accounts import add_account_options, find_account
from bluma_async.cli.checks import Check, check_account, check_machine, explain
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.output import say_aside
from bluma_async.cli.printing import Printer, prints
from bluma_async.errors import BlumaError

__all__ = ["doctor"]

MARKS = {"ok": "ok", "info": "--", "warning": "!!", "problem": "XX"}


@click.command()
@prints(Check, "state", "name", "detail", "advice")
@add_account_options
def doctor(profile: str | None, in_sandbox: bool, printer: Printer) -> None:
    """Check the key, the clock, the proxy, TLS, the rate limit and the disk. Exit code 1 on a problem."""
    checks = _check_all(profile, in_sandbox=in_sandbox)
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


def _check_all(profile: str | None, *, in_sandbox: bool) -> List[Check]:
    """Return the results of all checks that the settings allow. A setting that cannot be read is one of them."""
    try:
        account = find_account(profile, in_sandbox=in_sandbox)
    except click.UsageError as problem:
        return [*check_machine(None), Check(name="settings", state="problem", detail=problem.message)]
    except BlumaError as error:
        return [*check_machine(None), explain(error)]
    checks = check_machine(account)
    if not account.is_temporary and not account.api_key:
        return checks
    try:
        return checks + account.call(partial(check_account, account=account), max_retries=0, timeout=10.0)
    except BlumaError as error:  # the client refuses a setting
        return [*checks, explain(error)]
