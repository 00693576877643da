"""
The tables of a PostgreSQL database that several processes share, and how they are created and migrated.

Rule 1: a version is never edited after a release. A change is a further entry of MIGRATIONS.
Rule 2: one transaction, under a lock of the database: of several processes that start at once, one creates the tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bluma_async.errors import BlumaError, InvalidArgumentError
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["VERSION", "migrate", "read_version", "require_version"]

LOCK = 0x426C756D  # "Blum"; an advisory lock, together with the schema that the tables are in
JOBS = """
CREATE TABLE bluma_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE bluma_accounts (
    id BIGSERIAL PRIMARY KEY, spent BIGINT NOT NULL DEFAULT 0, max_credits DOUBLE PRECISION, foreign_video TEXT
);
INSERT INTO bluma_accounts (id) VALUES (0);
CREATE TABLE bluma_keys (
    fingerprint TEXT PRIMARY KEY, account BIGINT NOT NULL REFERENCES bluma_accounts,
    quota BIGINT, available BIGINT, reset_at TIMESTAMPTZ, reported_at TIMESTAMPTZ
);
CREATE TABLE bluma_workers (
    epoch BIGSERIAL PRIMARY KEY, name TEXT NOT NULL, began_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ends_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE bluma_jobs (
    place BIGSERIAL PRIMARY KEY, key TEXT NOT NULL, folded TEXT NOT NULL, body TEXT NOT NULL, template_id TEXT,
    resolution TEXT, origin TEXT NOT NULL, run BIGINT NOT NULL, state TEXT NOT NULL, holder BIGINT,
    request_key TEXT, started_at TIMESTAMPTZ, video_id TEXT, path TEXT, size BIGINT, error TEXT,
    candidates TEXT[] NOT NULL DEFAULT '{}',
    deferred_at TIMESTAMPTZ, planned_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), planned_from TEXT NOT NULL
);
CREATE UNIQUE INDEX bluma_jobs_by_key ON bluma_jobs (folded);
CREATE INDEX bluma_jobs_free ON bluma_jobs (place)
    WHERE holder IS NULL AND state IN ('planned', 'rendering', 'rendered');
CREATE INDEX bluma_jobs_held ON bluma_jobs (holder) WHERE holder IS NOT NULL;
CREATE INDEX bluma_jobs_creating ON bluma_jobs (place) WHERE state = 'creating';
CREATE INDEX bluma_jobs_by_start ON bluma_jobs (started_at DESC NULLS LAST) WHERE video_id IS NOT NULL;
CREATE TABLE bluma_videos (
    id TEXT PRIMARY KEY, place BIGINT, charged BIGINT NOT NULL, refunded BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE bluma_history (
    id BIGSERIAL PRIMARY KEY, place BIGINT NOT NULL, at TIMESTAMPTZ NOT NULL, state TEXT NOT NULL, note TEXT
);
CREATE INDEX bluma_history_by_place ON bluma_history (place);
CREATE TABLE bluma_intents (
    id BIGSERIAL PRIMARY KEY, account BIGINT NOT NULL, template_id TEXT, request_key TEXT NOT NULL, place BIGINT,
    name TEXT, content TEXT, epoch BIGINT NOT NULL, made_by BIGINT NOT NULL, price BIGINT, started_at TIMESTAMPTZ,
    sent_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), settles_after DOUBLE PRECISION NOT NULL,
    outcome TEXT, video_id TEXT
);
CREATE UNIQUE INDEX bluma_one_open_intent ON bluma_intents (account, coalesce(template_id, '')) WHERE outcome IS NULL;
CREATE INDEX bluma_intents_held ON bluma_intents (account) WHERE outcome IS NULL OR outcome = 'doubt';
CREATE INDEX bluma_intents_by_place ON bluma_intents (place);
CREATE INDEX bluma_intents_by_request ON bluma_intents (request_key);
CREATE INDEX bluma_intents_by_video ON bluma_intents (video_id) WHERE video_id IS NOT NULL;
CREATE UNIQUE INDEX bluma_intents_by_name ON bluma_intents (account, name) WHERE name IS NOT NULL;
CREATE TABLE bluma_strays (
    id BIGSERIAL PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), place BIGINT, request_key TEXT,
    video_id TEXT NOT NULL, charged BIGINT NOT NULL, epoch BIGINT NOT NULL
);
CREATE INDEX bluma_strays_by_request ON bluma_strays (request_key);
"""
SHARED = """
CREATE TABLE bluma_grants (
    fingerprint TEXT NOT NULL, epoch BIGINT NOT NULL, tokens BIGINT NOT NULL, PRIMARY KEY (fingerprint, epoch)
);
CREATE TABLE bluma_leases (
    name TEXT PRIMARY KEY, epoch BIGINT NOT NULL, ends_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE bluma_states (
    account BIGINT NOT NULL, video_id TEXT NOT NULL, state TEXT NOT NULL, is_final BOOLEAN NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (account, video_id)
);
CREATE TABLE bluma_events (
    id TEXT PRIMARY KEY, body BYTEA, claimed_at TIMESTAMPTZ NOT NULL, finished_at TIMESTAMPTZ
);
CREATE INDEX bluma_events_unfinished ON bluma_events (claimed_at) WHERE finished_at IS NULL;
"""
CREATES = """
ALTER TABLE bluma_intents ADD COLUMN candidates TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE bluma_intents ADD COLUMN is_accepted BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX bluma_intents_doubt ON bluma_intents (id) WHERE outcome = 'doubt';
CREATE INDEX bluma_intents_made ON bluma_intents (sent_at DESC) WHERE place IS NULL AND video_id IS NOT NULL;
ALTER TABLE bluma_states ADD COLUMN polled_until TIMESTAMPTZ;
CREATE INDEX bluma_states_by_age ON bluma_states (greatest(at, polled_until));
CREATE TABLE bluma_lists (name TEXT PRIMARY KEY, body TEXT, at TIMESTAMPTZ NOT NULL, polled_until TIMESTAMPTZ);
"""
CHARGES = """
ALTER TABLE bluma_intents ADD COLUMN charged BIGINT;
"""
JOURNAL = """
INSERT INTO bluma_meta VALUES ('journal', clock_timestamp()::text || ' ' || random()::text);
"""
UNUSABLE = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND starts_with(relname, 'bluma_')
AND regexp_replace(relname, '_[a-z]+_seq$', '') = ANY(%s)
AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'USAGE') WHEN 'r' THEN NOT (
    has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
    AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
) ELSE false END ORDER BY relname
"""
MIGRATIONS = (JOBS + SHARED, CREATES, CHARGES, JOURNAL)  # each leads from a version to the next one, from 0
VERSION = len(MIGRATIONS)
TABLES = re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS))


async def read_version(db: Connection) -> int:
    """Return the version of the tables; 0 if there are none."""
    # From the catalog: the name of a table would be looked up in a cache that does not see other transactions.
    query = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'bluma_meta'"
    if await fetch_one(db, query) is None:
        return 0
    row = await fetch_one(db, "SELECT value FROM bluma_meta WHERE name = 'schema'")
    return 0 if row is None else int(row["value"])


def require_version(version: int, name: str) -> None:
    """
    Require tables that this version can use.

    Raises:
        InvalidArgumentError: There are none, or they are of a newer version.
    """
    if version > VERSION:
        raise InvalidArgumentError(
            f"The journal {name} was written by a newer version (its schema is {version}, this one knows {VERSION}). "
            "Upgrade bluma, or name another database. Nothing was sent."
        )
    if version < VERSION:
        raise InvalidArgumentError(
            f"The database {name} has no tables of this version of bluma (its schema is {version}, and {VERSION} is "
            "needed). Run `bluma batch migrate` with this URL. Nothing was sent."
        )


async def migrate(db: Connection, name: str) -> None:
    """
    Bring the tables to the present version.

    Raises:
        InvalidArgumentError: They are of a newer version.
        BlumaError: The database is read-only, or this user may not write to all tables.
    """
    row = await fetch_one(db, "SELECT current_setting('transaction_read_only') AS setting")
    if row is not None and row["setting"] == "on":
        raise BlumaError(
            f"The database {name} is read-only: name the primary server, or a user who may write. Nothing was sent."
        )
    if await read_version(db) == VERSION:
        await _require_rights(db, name)
        return
    await execute(db, "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", LOCK)
    version = await read_version(db)
    for number in range(version, VERSION):
        for statement in MIGRATIONS[number].split(";"):
            if statement.strip():
                await execute(db, statement)
    if version < VERSION:
        set_version = "INSERT INTO bluma_meta VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = %s"
        await execute(db, set_version, str(VERSION), str(VERSION))
    require_version(max(version, VERSION), name)


async def _require_rights(db: Connection, name: str) -> None:
    """
    Require all rights that a process needs: one that lacks a right would only find out after a create.

    Raises:
        BlumaError: A right is missing.
    """
    unusable = [row["relname"] for row in await fetch_all(db, UNUSABLE, TABLES)]
    if unusable:
        raise BlumaError(
            f"This user may not use all tables of bluma in {name}: rights are missing on {', '.join(unusable)}. It "
            "needs SELECT, INSERT, UPDATE and DELETE on the tables, and USAGE on the sequences. Nothing was sent."
        )
