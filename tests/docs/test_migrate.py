"""docs/migrate.py finds what a program for 1.2.0 must change, and rewrites what it can."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Tuple

import pytest

from tests.docs.migrate_rows import ROWS, Row

DOCS = Path(__file__).resolve().parents[2] / "docs"
IMPORT = "from bluma import Bluma\n"
OLD = """\
import respx
from bluma.client import Bluma

client = Bluma("bluma_test_x", max_retry_after=60)
client.timeout = 60
if not client._client.is_closed:
    page = client._request("GET", "/videos", params={"limit": 5})
    print(client.videos.get("batch_1").model_dump())


class Mine(Bluma):
    def _should_retry(self, error, attempt):
        return False
"""
NEW = (
    OLD.replace("._client.is_closed", ".is_closed")
    .replace('_request("GET", "/videos", params=', 'request("GET", "/videos", query=')
    .replace("model_dump", "to_dict")
)


class Done(NamedTuple):
    """What a run of the script has left: its exit code, the places that it has printed, and the program."""

    code: int
    places: List[Tuple[int, str]]
    errors: str
    program: str


Migrate = Callable[..., Done]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    command = [sys.executable, "-W", "error", str(DOCS / "migrate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def migrate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Migrate:
    """Give a function that runs the script on a program, in this process."""
    monkeypatch.syspath_prepend(str(DOCS))
    script: Any = importlib.import_module("migrate")

    def migrate_source(source: str, *, writes: bool = True) -> Done:
        path = tmp_path / "program.py"
        path.write_bytes(source.encode("utf-8"))
        left = script.migrate(path, writes=writes)
        out, err = capsys.readouterr()
        lines = [line[len(f"{path}:") :].partition(": ") for line in out.splitlines()]
        places = [(int(line), advice) for line, _, advice in lines]
        return Done(int(left > 0), places, err, path.read_bytes().decode("utf-8"))

    return migrate_source


def test_what_has_a_replacement_is_rewritten(migrate: Migrate) -> None:
    """`--write` rewrites calls; what needs a decision is reported with its line, and stays."""
    done = migrate(OLD)

    assert done.program == NEW
    assert ([line for line, _ in done.places], done.code, done.errors) == ([1, 5, 6, 7, 8, 12], 1, "")
    assert [line for line, advice in done.places if advice.endswith(" (rewritten)")] == [6, 7, 8]


def test_nothing_is_written_without_the_option(migrate: Migrate) -> None:
    """Without `--write` the places are reported, and the file stays as it is."""
    done = migrate(OLD, writes=False)

    assert done.program == OLD
    assert ([line for line, _ in done.places], done.code) == ([1, 5, 6, 7, 8, 12], 1)


def test_other_programs_are_left_alone(migrate: Migrate) -> None:
    """A file that does not import bluma is not reported, although it uses the same names."""
    done = migrate(OLD.replace("from bluma.client import Bluma", "from other import Bluma"))

    assert (done.places, done.code) == ([], 0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.cell[:40])
def test_each_row_of_the_table_is_reported(migrate: Migrate, row: Row) -> None:
    """A program that a row breaks is reported with its advice, and one with the replacement is not."""
    before = migrate(IMPORT + row.before, writes=False)
    after = migrate(IMPORT + row.after, writes=False)
    written = migrate(IMPORT + row.before)

    assert len(before.places) == len(row.advice), before.places
    assert all(part in advice for part, (_, advice) in zip(row.advice, before.places)), before.places
    assert (after.places, after.code) == ([], 0)
    assert (before.code, written.code) == (int(bool(row.advice)), int(bool(row.advice) and not row.is_rewritten))
    assert written.program == IMPORT + (row.after if row.is_rewritten else row.before)


def test_no_row_of_the_table_is_left_out() -> None:
    """Each row of docs/migration.md has a program here."""
    table = (DOCS / "migration.md").read_text(encoding="utf-8").partition("| in 1.2.0 |")[2]
    cells = [line.split(" | ")[0].lstrip("| ") for line in table.splitlines() if line.startswith("| ")]

    assert [cell for cell in cells if cell not in {row.cell for row in ROWS}] == []
    assert [row.cell for row in ROWS if row.cell not in cells] == []
    assert len(cells) > 20


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'c._request("GET", "/x", json=build(params=1), params={"a": 1})',
            'c.request("GET", "/x", json=build(params=1), query={"a": 1})',
        ),
        ("a.model_dump(), b.model_dump()", "a.to_dict(), b.to_dict()"),
        ('print("é model_dump() ü", é.model_dump(), "a")', 'print("é model_dump() ü", é.to_dict(), "a")'),
        ('c._request("GET", "/a"); c._request("GET", "/b")', 'c.request("GET", "/a"); c.request("GET", "/b")'),
        ('c._request("GET", f(c._request("GET", x), params=2))', 'c.request("GET", f(c.request("GET", x), params=2))'),
        ('c._request(\n    "GET", x,\n    params  = ( {} ),\n)', 'c.request(\n    "GET", x,\n    query  = ( {} ),\n)'),
        (
            'c._request(\n    "GET", (x),  # params=\n    params={"a": "params="},\n)',
            'c.request(\n    "GET", (x),  # params=\n    query={"a": "params="},\n)',
        ),
        ("(\n    client\n    ._client\n    .is_closed\n)", "(\n    client\n    \n    .is_closed\n)"),
        ("self.client._client.is_closed", "self.client.is_closed"),
        ("x = '''\u2028\x0c'''; y = video.model_dump()", "x = '''\u2028\x0c'''; y = video.to_dict()"),
    ],
)  # fmt: skip
def test_only_the_names_are_rewritten(migrate: Migrate, before: str, after: str) -> None:
    """Several on one line, in several lines, beside the same names in other calls and texts, and after an umlaut."""
    done = migrate(f"{IMPORT}{before}\n")

    assert (done.program, done.code, done.errors) == (f"{IMPORT}{after}\n", 0, "")
    compile(done.program, "program.py", "exec")


@pytest.mark.parametrize(
    "source",
    [
        "from bluma.client import Bluma as B, VideosResource\n",
        "from bluma.errors import APIError\nfrom bluma.types import Video\nimport bluma.webhooks\n",
        "class Mine:\n    def send(self):\n        return self._request('GET', '/x'), self._client.is_closed\n",
        "import requests\nrequests.get('/').json()\n",
        "import requests\nanswer = requests.get('/')\nprint(answer.json(), answer.expires_at)\n",
        "async def main(answer):\n    return await answer.json()\n",
        "client.videos.create({}, 't', webhook_url=None)\nvideo.status == 'completed'\n",
        "client.timeout\nother.timeout = 5\n",
        "try:\n    f()\nexcept APIError as error:\n    print(error.type == 'rate_limit', error.title or '-')\n",
        "video.model_dump()  # migrated: a model of our own\n",
        '"""Paths such as https://api.bluma.app are documentation."""\n',
    ],
)
def test_what_works_is_not_reported(migrate: Migrate, source: str) -> None:
    """Imports of every public name, methods of other classes, values of other libraries, and what has been decided."""
    done = migrate(IMPORT + source)

    assert (done.places, done.program, done.code) == ([], IMPORT + source, 0)


@pytest.mark.parametrize(
    "source",
    [
        "c._request('POST', '/x')\n",
        "c._request(method, '/x')\n",
        "c._request('GET', '/x', {'a': 1})\n",
        "c._request('GET', '/x', **options)\n",
        "c._request('GET', '/x', params=[('a', 1)])\n",
        "c._request('GET', '/x', params=(  # params=\n    {'a': 1}))\n",
        "c._request('GET', 'x')\n",
        "c._request('GET', '/x?a=1')\n",
        "c._request(*arguments)\n",
        "send = c._request\n",
        "class Mine(Base):\n    def send(self):\n        return self._request('GET', '/x')\n",
        "client._client.headers\n",
        "dump = video.model_dump\n",
        "video.model_dump(exclude={'url'})\n",
        "from pydantic import BaseModel  # migrated\nvideo.model_dump()\n",
        "class Mine(Bluma):\n    def change(self):\n        self.timeout = 5\n",
        "def change(api: Bluma):\n    api.timeout = 5\n",
        "with Bluma(max_retry_after=60) as api:\n    setattr(api, 'timeout', 5)\n",
        "from bluma.types import BaseModel\n",
    ],
)
def test_what_needs_a_decision_is_reported_and_stays(migrate: Migrate, source: str) -> None:
    """The replacement would not do the same, or it is not certain what is called."""
    done = migrate(IMPORT + source)

    assert (len(done.places), done.program, done.code) == (1, IMPORT + source, 1)


def test_a_file_that_cannot_be_examined_does_not_end_the_run(tmp_path: Path) -> None:
    """It is named with the reason, the other files are rewritten, and the exit code is 1."""
    good, bad, binary = (tmp_path / name for name in ("good.py", "bad.py", "binary.py"))
    good.write_text(f"{IMPORT}a.model_dump()\n", encoding="utf-8")
    bad.write_text("from bluma import (\n", encoding="utf-8")
    binary.write_bytes(b"x = '\xff'\n")
    missing = tmp_path / "missing.py"

    done = run("--write", str(missing), str(bad), str(binary), str(tmp_path), str(good))
    again = run("--write", str(good))

    assert good.read_text(encoding="utf-8") == f"{IMPORT}a.to_dict()\n"
    assert [line.partition(": it stays as it is: ")[0] for line in done.stderr.splitlines()] == [
        str(path) for path in (missing, bad, binary, tmp_path)
    ]
    assert (done.returncode, again.returncode, again.stdout, again.stderr) == (1, 0, "", "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_bytes_of_the_rest_stay(tmp_path: Path, encoding: str, newline: str) -> None:
    """Line ends, the encoding and its mark are those of before, also where the last line has no end."""
    cookie = f"# coding: {encoding.replace('-sig', '')}\n"
    source = (cookie + IMPORT + "print('é', é.model_dump())\n\n'end'").replace("\n", newline)
    path = tmp_path / "program.py"
    path.write_bytes(source.encode(encoding))

    done = run("--write", str(path))

    assert path.read_bytes() == source.replace("model_dump", "to_dict").encode(encoding)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_in_an_f_string_is_not_guessed(migrate: Migrate) -> None:
    """Before Python 3.12 its place is not known, and it is left to the reader."""
    done = migrate(IMPORT + "print(f'{x:>{width}} {a.model_dump()}', b.model_dump())\n")

    is_known = sys.version_info >= (3, 12)
    assert f"{{a.{'to_dict' if is_known else 'model_dump'}()}}', b.to_dict()" in done.program
    assert done.code == int(not is_known)


def test_the_page_names_the_options_of_the_script() -> None:
    """docs/migration.md says how a decision is marked, and what the exit code means."""
    page: Any = (DOCS / "migration.md").read_text(encoding="utf-8")

    assert all(re.search(word, page) for word in ("# migrated", "--write", "exit code is 0"))
