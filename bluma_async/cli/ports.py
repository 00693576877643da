"""Explain why a command cannot listen on a port, and which option helps."""

from __future__ import annotations

import errno
import socket

import click

__all__ = ["explain_port"]

OTHER_PORT = "Choose another --port, or 0 for a free one."
REASONS = {
    errno.EADDRINUSE: f"the port is in use. {OTHER_PORT}",
    errno.EACCES: f"this user may not listen on it. {OTHER_PORT}",
    errno.EADDRNOTAVAIL: "this machine has no such address. Choose another --host.",
}


def explain_port(problem: OSError, host: str, port: int) -> click.ClickException:
    """Return the error for a port that cannot be listened on."""
    if isinstance(problem, socket.gaierror):
        reason = "no such host is known. Choose another --host."
    else:
        reason = REASONS.get(_number(problem), f"{problem.strerror or problem}. {OTHER_PORT}")
    return click.ClickException(f"Cannot listen on {host}:{port}: {reason}")


def _number(problem: OSError) -> int:
    """Return its errno. asyncio of Python 3.13 replaces the error of a missing address by one without a number."""
    if problem.errno is None and str(problem).startswith("could not bind on any address"):
        return errno.EADDRNOTAVAIL
    return problem.errno or 0
