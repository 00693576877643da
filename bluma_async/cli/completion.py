"""`bluma completion`: the script that completes commands, options, template ids, batch keys and profiles in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from bluma_async.cli.output import say

__all__ = ["completion"]

EPILOG = """
\b
Where the line belongs:
  bash: eval "$(bluma completion bash)"   in ~/.bashrc
  zsh:  eval "$(bluma completion zsh)"    in ~/.zshrc
  fish: bluma completion fish | source    in ~/.config/fish/config.fish
"""
SHELLS = ("bash", "zsh", "fish")


@click.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a SHELL: bash, zsh or fish."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"click has no completion for {shell}.")
    say(kind(context.find_root().command, {}, "bluma", "_BLUMA_COMPLETE").source())
