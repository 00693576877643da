"""
The `bluma` command: the catalogue of its commands, and the one place that turns failures into messages and exit codes.

Rule: nothing but click is imported before a command is chosen, so that `bluma --help` is fast.
"""

from __future__ import annotations

import warnings
from typing import Any, Sequence

import click

from bluma_async._version import __version__
from bluma_async.cli.exit_codes import MEANINGS, ExitCode
from bluma_async.cli.groups import Catalogue, LazyGroup, is_from
from bluma_async.cli.output import find_width, is_output_lost, lose_output, prepare_streams, say_aside

__all__ = ["CATALOGUE", "bluma", "run"]

ROOM = "bluma_async.cli"
CATALOGUE: Catalogue = {
    "assets": (f"{ROOM}.assets", "Upload and list pictures, videos and sounds."),
    "balance": (f"{ROOM}.money", "Show the credits of the account."),
    "batch": (f"{ROOM}.batch", "Make many videos from a file, each billed once."),
    "collections": (f"{ROOM}.assets", "Group assets, so that a template can pick from them."),
    "completion": (f"{ROOM}.completion", "Print the completion script for a shell."),
    "config": (f"{ROOM}.config", "Keep keys and URLs in named profiles."),
    "create": (f"{ROOM}.videos", "Create a video, without waiting for it."),
    "doctor": (f"{ROOM}.doctor", "Check the key, the network, the clock and the disk."),
    "generate": (f"{ROOM}.generate", "Make a video from a PROMPT, and save it."),
    "get": (f"{ROOM}.videos", "Show a video."),
    "history": (f"{ROOM}.money", "List the changes of the balance."),
    "list": (f"{ROOM}.videos:list_videos", "List videos, newest first."),
    "listen": (f"{ROOM}.listen", "Receive events, and forward them."),
    "luma": (f"{ROOM}.luma", "Make videos with kie.ai, UmamiAI and V-API."),
    "mcp": (f"{ROOM}.mcp", "Serve tools for agents, within a limit of credits."),
    "open": (f"{ROOM}.videos:open_video", "Show a file or a video."),
    "sandbox": (f"{ROOM}.sandbox", "Run a local API."),
    "save": (f"{ROOM}.generate", "Wait for a video, and save it."),
    "templates": (f"{ROOM}.templates", "List templates, with prices and schemas."),
    "trigger": (f"{ROOM}.trigger", "Send a signed event to your webhook."),
    "types": (f"{ROOM}.types", "Write Python types for the contexts of templates."),
    "usage": (f"{ROOM}.money", "Show the requests and credits of a period."),
    "variants": (f"{ROOM}.templates", "Save settings of a template as presets."),
    "wait": (f"{ROOM}.videos", "Wait until videos have ended."),
    "webhooks": (f"{ROOM}.webhooks", "List, create and delete webhooks."),
    "worker": (f"{ROOM}.worker", "Work on the jobs of a journal in PostgreSQL."),
}
EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items())
ENVIRONMENT = """
\b
Environment:
  BLUMA_API_KEY         the API key
  BLUMA_BASE_URL        the API; default https://api.getbluma.com/api/v1
  BLUMA_WEBHOOK_SECRET  the secret of webhooks, for listen and trigger
  BLUMA_PROFILE         the profile of `bluma config` to use
  BLUMA_CONFIG_DIR      the folder of the profiles
"""


@click.group(
    cls=LazyGroup,
    catalogue=CATALOGUE,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG + "\n" + ENVIRONMENT,
)
@click.version_option(__version__, prog_name="bluma")
def bluma() -> None:
    """Generate video through the Bluma API. Try a command without an account, with --sandbox."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    prepare_streams()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)  # Ctrl-C came before it ran
        code = _run(arguments)
    return code or int(ExitCode.FAILED if is_output_lost() else ExitCode.SUCCESS)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        width = find_width(80) - 2  # click finds it too, and loads the tools for archives for that
        code = bluma.main(args=arguments, prog_name="bluma", standalone_mode=False, terminal_width=max(width, 50))
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except SystemExit as ending:
        if is_from(click.Context.invoke, ending):  # a command has run
            raise
        return ExitCode.SUCCESS  # click has met a closed pipe in `--help` or `--version`
    except Exception as error:
        if isinstance(error, OSError) and is_from(click.echo, error):  # of `--help`, for example
            lose_output(error)
            return ExitCode.FAILED
        from bluma_async.errors import BlumaError  # noqa: PLC0415 - only a failure needs it

        if not isinstance(error, BlumaError):
            raise
        from bluma_async.cli.failures import report  # noqa: PLC0415 - only a failure needs it

        return report(error)
    return code if isinstance(code, int) else 0  # click returns the code of an `Exit` exception


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning in one line. Its place in the source says nothing to a user of the command line."""
    say_aside(f"Warning: {message}")
