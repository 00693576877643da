"""`bluma assets` and `bluma collections`: the account's own pictures, videos and sounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Sequence

import click

from bluma_async.cli.accounts import with_account
from bluma_async.cli.groups import Group
from bluma_async.cli.output import say
from bluma_async.cli.printing import prints
from bluma_async.types import Asset, Collection

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer

__all__ = ["assets", "collections"]

ASSET_COLUMNS = ("id", "name", "file_type", "file_size_bytes", "created_at")


@click.group(cls=Group)
def assets() -> None:
    """Upload and list pictures, videos and sounds."""


@assets.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--type", "file_type", metavar="MIME", help="The type of all files. Default: a guess from each name.")
@click.option("--collection", "collection_ids", multiple=True, help="Add them to this collection; repeatable.")
@prints(Asset, *ASSET_COLUMNS)
@with_account
def upload(
    files: Sequence[Path], file_type: str | None, collection_ids: Sequence[str], account: Account, printer: Printer
) -> None:
    """Upload FILES, of at most 100 MB each."""
    groups = list(collection_ids) or None
    printer.show_all(
        account.call(lambda client: client.assets.upload_files(files, file_type=file_type, collection_ids=groups))
    )


@assets.command("list")
@click.option("--type", "file_type", metavar="MIME", help="Such as image, or image/jpeg.")
@click.option("--collection", "collection_id", help="Only assets of this collection.")
@click.option("--deleted", is_flag=True, help="Deleted assets too.")
@prints(Asset, *ASSET_COLUMNS)
@with_account
def list_assets(
    file_type: str | None, collection_id: str | None, deleted: bool, account: Account, printer: Printer
) -> None:
    """List the assets."""
    printer.show_all(account.call(lambda client: client.assets.list(file_type, collection_id, deleted)))


@click.group(cls=Group)
def collections() -> None:
    """Group assets, so that a template can pick from them."""


@collections.command("list")
@prints(Collection, "id", "name", "asset_type", "asset_count", "created_at")
@with_account
def list_collections(account: Account, printer: Printer) -> None:
    """List the collections."""
    printer.show_all(account.call(lambda client: client.collections.list()))


@collections.command("create")
@click.argument("name")
@click.option("--description", help="A description for people.")
@click.option(
    "--type",
    "asset_type",
    type=click.Choice(["images", "videos", "all"]),
    default="all",
    show_default=True,
    help="The kind of its assets.",
)
@prints(Collection)
@with_account
def create_collection(name: str, description: str | None, asset_type: str, account: Account, printer: Printer) -> None:
    """Create an empty collection with a NAME."""
    printer.show(account.call(lambda client: client.collections.create(name, description, asset_type)))


@collections.command("assets")
@click.argument("collection_id")
@prints(Asset, *ASSET_COLUMNS)
@with_account
def list_members(collection_id: str, account: Account, printer: Printer) -> None:
    """List the assets of the collection COLLECTION_ID."""
    printer.show_all(account.call(lambda client: client.collections.list_assets(collection_id)))


@collections.command("add")
@click.argument("collection_id")
@click.argument("asset_ids", nargs=-1, required=True)
@with_account
def add_assets(collection_id: str, asset_ids: Sequence[str], account: Account) -> None:
    """Add assets to the collection COLLECTION_ID."""
    account.call(lambda client: client.collections.add_assets(collection_id, list(asset_ids)))
    say(f"Added {len(asset_ids)} asset(s) to {collection_id}")


@collections.command("delete")
@click.argument("collection_id")
@with_account
def delete_collection(collection_id: str, account: Account) -> None:
    """Delete the collection COLLECTION_ID. Its assets are kept."""
    account.call(lambda client: client.collections.delete(collection_id))
    say(f"Deleted {collection_id}")
