"""
A real PostgreSQL for the tests: one server for a test session, one database for each test.

`initdb` refuses root, so the server runs as another user then. Where PostgreSQL or psycopg is missing, tests are
skipped with the reason.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional

from bluma_async.stores.postgres.schema import VERSION

TEMPLATE = "bluma_template"
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
TABLES = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'bluma%' AND schemaname = 'public'"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
}


def find_problem() -> str:
    """Return why there is no PostgreSQL for the tests; empty text if there is one."""
    if sys.version_info < (3, 10):
        return "PostgreSQL stores need Python 3.10"
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as missing:
        return f"psycopg is not installed: {missing}"
    return "" if _find_binary("postgres") else "PostgreSQL is not installed (Debian: postgresql)"


def _find_binary(name: str) -> Optional[str]:
    found = shutil.which(name)
    return found or next((str(folder / name) for folder in FOLDERS if (folder / name).exists()), None)


def find_free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A PostgreSQL server in a temporary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bluma-postgres-"))
        self.port = find_free_port()
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._number = 0
        self._free: List[str] = []
        self._user: Dict[str, Any] = {}
        if os.getuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def url(self, database: str, user: str = "bluma") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Create the data folder, start, and prepare the database that those of tests are copied from."""
        command = [_find_binary("initdb"), "-D", self.folder / "data", "-U", "bluma", "-A", "trust", "-N", "-E", "UTF8"]
        self._run([*command, "--locale=C"])
        self.start()
        self.execute("postgres", f"CREATE DATABASE {TEMPLATE}")
        from bluma_async.stores.postgres.database import Database

        async def prepare() -> None:
            await (await Database.open(self.url(TEMPLATE), to_write=True)).close()

        thread = threading.Thread(target=lambda: asyncio.run(prepare()))  # a loop may be running in this one
        thread.start()
        thread.join()

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [str(_find_binary("postgres")), "-D", str(self.folder / "data"), "-p", str(self.port)]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [*command, "-k", str(self.folder), *options], stdout=log, stderr=log, cwd=self.folder, **self._user
        )
        log.close()
        ends = time.monotonic() + 20
        while not self._answers():
            if time.monotonic() > ends or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("postgres", "SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, how: int = signal.SIGQUIT) -> None:
        """Stop the server: SIGQUIT at once, SIGINT after it has ended its connections."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop the server, and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, database: str, *statements: str) -> None:
        """Run statements in a database."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as db:
            for statement in statements:
                db.execute(statement.encode())

    def fetch(self, url: str, query: str, *values: Any) -> List[Any]:
        """Return the rows of a query."""
        import psycopg

        with psycopg.connect(url, autocommit=True) as db:
            return db.execute(query.encode(), values or None).fetchall()

    def borrow(self) -> str:
        """Return the URL of a database with empty tables. Emptying one takes less time than a new one."""
        return self._free.pop() if self._free else self.make_database()

    def give_back(self, url: str) -> None:
        """End all connections to a borrowed database, and empty its tables for the next test."""
        name = url.rpartition("/")[2]
        self.execute("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        tables = ", ".join(row[0] for row in self.fetch(url, TABLES))
        refill = "INSERT INTO bluma_accounts (id) VALUES (0)"
        version = f"INSERT INTO bluma_meta VALUES ('schema', '{VERSION}')"
        journal = "INSERT INTO bluma_meta VALUES ('journal', 'of the tests')"
        self.execute(name, f"TRUNCATE {tables} RESTART IDENTITY CASCADE", refill, version, journal)
        self._free.append(url)

    def make_database(self, *, is_empty: bool = False) -> str:
        """Return the URL of a new database, with the tables unless it is to be empty."""
        self._number += 1
        name = f"test_{os.getpid()}_{self._number}"
        copied = "" if is_empty else f" TEMPLATE {TEMPLATE}"
        self.execute("postgres", f"CREATE DATABASE {name}{copied}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete a database, also if connections to it are open."""
        with suppress(Exception):
            self.execute("postgres", f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _run(self, command: List[Any]) -> None:
        done = subprocess.run(command, cwd=self.folder, check=False, capture_output=True, **self._user)
        if done.returncode:
            raise RuntimeError(done.stderr.decode())
