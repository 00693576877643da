"""The pytest plugin: fixtures, markers, the ini setting, and what it costs projects that do not use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bluma import AsyncBluma, Bluma
from bluma.testing import Sandbox

pytest_plugins = ["pytester"]
ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("-p", "bluma_testing.plugin", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error")
# pytest-asyncio warns about a setting that these projects do not make.
PLUGINS += ("-o", "asyncio_default_fixture_loop_scope=function")
PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"


def run(pytester: pytest.Pytester, text: str, *options: str) -> Any:
    """Run a file of tests with the plugin, in this process."""
    pytester.makepyfile(text)
    return pytester.runpytest_inprocess(*PLUGINS, *options)


# The pytest-asyncio of Python 3.8 leaves an event loop open, which is reported whenever it happens to be collected.
LEAVES_LOOP = ("-W", "ignore::pytest.PytestUnraisableExceptionWarning") if sys.version_info < (3, 9) else ()


def run_apart(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, text: str, *options: str) -> Any:
    """Run it in another process: a plugin for async tests changes the event loops of its process."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(text)
    return pytester.runpytest_subprocess(*PLUGINS, *options)


def test_a_program_that_makes_its_own_client_is_billed_once(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The environment names the sandbox, and the wait takes no time."""
    with Bluma() as client:
        done = client.videos.wait_for(client.videos.create(PROMPT, TEMPLATE))

    assert done.status == "completed"
    assert_billed(1, credits=2)


@pytest.mark.bluma_fault("POST /videos", "drop_after")
@pytest.mark.bluma_fault("GET /videos", "status", status=500, times=2)
def test_faults_meet_the_test(bluma_client: Bluma, bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """A lost create, and a list that fails twice: the create is found, and not sent again."""
    client = bluma_client.with_options(exclusive=True)

    client.videos.create(PROMPT, TEMPLATE)

    assert_billed(1)
    assert [request.status for request in bluma_sandbox.requests if request.route == "GET /videos"][:2] == [500, 500]


@pytest.mark.bluma_settings(credits=1)
def test_settings_of_the_sandbox(bluma_client: Bluma) -> None:
    """An account with one credit, for example."""
    assert bluma_client.credits.get_balance().credits == 1


async def test_the_async_client(async_bluma_client: AsyncBluma, bluma_sandbox: Sandbox) -> None:
    """The async client of the fixture works in the event loop of the test."""
    video = await async_bluma_client.videos.create(PROMPT, TEMPLATE)
    await async_bluma_client.videos.wait_for(video)

    assert bluma_sandbox.state()["billed"] == 1


def test_the_session_sandbox_counts_the_bills_of_each_test(pytester: pytest.Pytester) -> None:
    """Videos stay from test to test, faults do not; `assert_billed` counts those of the test."""
    outcome = run(
        pytester,
        """
        import pytest

        @pytest.mark.bluma_fault("GET /credits/balance", "status", status=418, times=None)
        def test_first(bluma_session_sandbox, bluma_client, assert_billed):
            bluma_client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            with pytest.raises(Exception, match="418|fault"):
                bluma_client.credits.get_balance()
            assert_billed(1)

        def test_second(bluma_session_sandbox, bluma_client, assert_billed):
            assert_billed(0)
            bluma_client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            assert_billed(1)
            assert bluma_client.credits.get_balance().credits == 496
        """,
    )

    outcome.assert_outcomes(passed=2)


def test_faults_end_with_their_test(pytester: pytest.Pytester) -> None:
    """Also those that a test, or a fixture of it, has added to the sandbox of the session by itself."""
    outcome = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def outage(bluma_session_sandbox):
            bluma_session_sandbox.faults.add("GET /credits/balance", "status", status=418, times=None)

        def test_first(bluma_session_sandbox, outage):
            bluma_session_sandbox.faults.add("POST /videos", "drop_after")
            assert len(bluma_session_sandbox.faults.active) == 2

        def test_dynamic(request):
            request.getfixturevalue("bluma_session_sandbox").faults.add("POST /videos", "drop_after")

        def test_second(bluma_session_sandbox):
            assert bluma_session_sandbox.faults.active == []
        """,
    )

    outcome.assert_outcomes(passed=3)


def test_a_wrong_number_of_bills_is_shown_with_the_bills(pytester: pytest.Pytester) -> None:
    """The message has each bill, and the line of the test."""
    outcome = run(
        pytester,
        """
        def test_bills(bluma_client, assert_billed):
            bluma_client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            assert_billed(2)

        def test_credits(bluma_client, assert_billed):
            bluma_client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            assert_billed(1, credits=3)
        """,
    )

    outcome.assert_outcomes(failed=2)
    outcome.stdout.fnmatch_lines(
        [
            ">* assert_billed(2)",
            "E *Expected 2 video(s) billed, found 1 for 2:",
            "E *Video generation: batch_*: 2 *",
        ]
    )
    outcome.stdout.fnmatch_lines(["E *Expected 1 video(s) for 3 credits billed, found 1 for 2:"])


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('bluma_fault("POST /videos", "explode")', "*is invalid: There is no fault 'explode'; there are*drop_after*"),
        ('bluma_fault("POST /vidoes", "drop_after")', "*is invalid: There is no route 'POST /vidoes'*"),
        ('bluma_fault("POST /videos")', "*bluma_fault('POST /videos') is invalid:*kind*"),
        ('bluma_fault("POST /videos", "status", code=500)', "*code=500) is invalid: There is no option code*"),
        ("bluma_settings(kredits=3)", "*settings of the sandbox are invalid*kredits*credits*"),
        ("bluma_settings(credits=-3)", "*settings of the sandbox are invalid: credits must be*"),
        ("bluma_settings(3)", "*bluma_settings(3) is invalid: settings are keywords*"),
    ],
)
def test_a_wrong_marker_fails_its_test(pytester: pytest.Pytester, marker: str, message: str) -> None:
    """The message names the marker, what is wrong, and what there is; a fault without effect would test nothing."""
    outcome = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.{marker}
        def test_it(bluma_sandbox):
            pass
        """,
    )

    assert outcome.ret == 1
    outcome.stdout.fnmatch_lines([message])


@pytest.mark.parametrize("marker", ['bluma_fault("POST /videos", "drop_after")', "bluma_settings(credits=1)"])
def test_a_marker_without_its_fixture_fails_its_test(pytester: pytest.Pytester, marker: str) -> None:
    """A marker of a test that does not use the sandbox is an error, because it would have no effect."""
    outcome = run(
        pytester,
        f"""
        import pytest

        @pytest.mark.{marker}
        def test_it():
            pass
        """,
    )

    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*needs * fixture*bluma_sandbox*"])


def test_classes_of_unittest_use_the_fixture(pytester: pytest.Pytester) -> None:
    """Django's TestCase is one of them."""
    outcome = run(
        pytester,
        """
        import unittest, pytest
        from bluma import Bluma

        @pytest.mark.usefixtures("bluma_sandbox")
        class TestIt(unittest.TestCase):
            @pytest.mark.bluma_fault("GET /templates", "status", status=500)
            def test_it(self):
                with Bluma() as client:
                    assert len(client.templates.list()) == 5
        """,
    )

    outcome.assert_outcomes(passed=1)


@pytest.mark.parametrize("options", [("-o", "asyncio_mode=auto"), ("-o", "asyncio_mode=strict")])
def test_async_tests_of_each_plugin(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: Any) -> None:
    """The async client works with pytest-asyncio, with anyio's plugin, and with `asyncio.run`."""
    outcome = run_apart(
        pytester,
        monkeypatch,
        """
        import asyncio, pytest

        async def use(client):
            video = await client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            assert (await client.videos.wait_for(video)).status == "completed"

        @pytest.mark.asyncio
        async def test_asyncio(async_bluma_client):
            await use(async_bluma_client)

        def test_run(async_bluma_client):
            asyncio.run(use(async_bluma_client))
        """,
        *options,
        *LEAVES_LOOP,
    )
    outcome.assert_outcomes(passed=2)


def test_async_tests_of_anyio(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With anyio's plugin alone, as in projects without pytest-asyncio."""
    outcome = run_apart(
        pytester,
        monkeypatch,
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_anyio(async_bluma_client):
            video = await async_bluma_client.videos.create({"prompt": "x"}, "ugc-text-overlay")
            assert (await async_bluma_client.videos.wait_for(video)).status == "completed"
        """,
        "-p", "no:asyncio", "-W", "ignore::pytest.PytestConfigWarning",
    )  # fmt: skip

    outcome.assert_outcomes(passed=1)


def test_clients_of_modules_find_the_sandbox(pytester: pytest.Pytester) -> None:
    """With the ini setting, the environment is set before the module is imported; each test has a new sandbox there."""
    before = {**os.environ, "PYTEST_CURRENT_TEST": ""}
    outcome = run(
        pytester,
        """
        import pytest
        from bluma import Bluma

        client = Bluma(exclusive=True)

        def create():
            return client.videos.wait_for(client.videos.create({"prompt": "x"}, "ugc-text-overlay"))

        @pytest.mark.parametrize("number", range(3))
        @pytest.mark.bluma_fault("POST /videos", "drop_after")
        def test_it(bluma_sandbox, assert_billed, number):
            assert create().status == "completed"
            assert_billed(1)
            assert len(bluma_sandbox.creates) == 1
        """,
        "-o", "bluma_environment=true",
    )  # fmt: skip

    outcome.assert_outcomes(passed=3)
    assert {**os.environ, "PYTEST_CURRENT_TEST": ""} == before


@pytest.mark.parametrize("fixture", ["bluma_sandbox", "bluma_session_sandbox"])
@pytest.mark.parametrize("has_environment", ["true", "false"])
def test_no_test_gets_the_video_of_another_one(pytester: pytest.Pytester, fixture: str, has_environment: str) -> None:
    """The state folder belongs to a test, with and without the ini setting; nothing is written to that of the user."""
    users = Path(os.environ["BLUMA_STATE_DIR"])
    outcome = run(
        pytester,
        f"""
        import os
        from pathlib import Path
        import pytest
        from bluma import Bluma

        @pytest.mark.parametrize("number", range(2))
        def test_it({fixture}, assert_billed, number):
            with Bluma(reuse="content") as client:
                video = client.videos.create({{"prompt": "x"}}, "ugc-text-overlay")
                again = client.videos.create({{"prompt": "x"}}, "ugc-text-overlay")
            assert (video.reused, again.id) == (False, video.id)
            assert_billed(1)
            Path("folder.txt").write_text(os.environ["BLUMA_STATE_DIR"], encoding="utf-8")
        """,
        "-o", f"bluma_environment={has_environment}",
    )  # fmt: skip

    outcome.assert_outcomes(passed=2)
    assert not users.exists()
    assert not Path((pytester.path / "folder.txt").read_text(encoding="utf-8")).exists()


def test_a_program_in_another_process_has_no_state_of_an_earlier_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows the state folder from the start, and may have its files open, so these are emptied and not deleted."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    outcome = run(
        pytester,
        """
        import os, sqlite3, subprocess, sys
        from pathlib import Path
        import pytest

        CREATE = "Bluma(reuse='content').videos.create({'prompt': 'x'}, 'ugc-text-overlay').reused"
        PROGRAM = [sys.executable, "-c", f"from bluma import Bluma; print({CREATE})"]
        ENVIRONMENT = dict(os.environ)
        INDEX = Path(ENVIRONMENT["BLUMA_STATE_DIR"], "contents.sqlite")
        other_program = []

        @pytest.mark.parametrize("number", range(2))
        def test_it(bluma_sandbox, assert_billed, number):
            done = subprocess.run(PROGRAM, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
            assert done.stdout.strip() == "False"
            assert_billed(1)
            other_program.append(sqlite3.connect(str(INDEX)))

        def test_the_files_are_the_same(bluma_sandbox):
            for index in other_program:
                assert index.execute("SELECT count(*) FROM contents").fetchone() == (0,)
                index.close()
        """,
        "-o", "bluma_environment=true",
    )  # fmt: skip

    outcome.assert_outcomes(passed=3)


def test_two_sandboxes_at_once(pytester: pytest.Pytester) -> None:
    """The one of the test is in the environment; that of the session stays as it is."""
    outcome = run(
        pytester,
        """
        from bluma import Bluma

        def test_it(bluma_session_sandbox, bluma_sandbox, assert_billed):
            with Bluma() as client:
                client.videos.wait_for(client.videos.create({"prompt": "x"}, "ugc-text-overlay"))
            assert_billed(1)
            assert bluma_session_sandbox.creates == []

        def test_after(bluma_session_sandbox):
            with Bluma() as client:
                client.videos.wait_for(client.videos.create({"prompt": "x"}, "ugc-text-overlay"))
            assert len(bluma_session_sandbox.creates) == 1
        """,
        "-o", "bluma_environment=true",
    )  # fmt: skip

    outcome.assert_outcomes(passed=2)


def test_one_url_reaches_the_sandbox_of_each_test(pytester: pytest.Pytester) -> None:
    """A client of a module, which keeps its connections, buys at the session's sandbox and at new ones in turn."""
    outcome = run(
        pytester,
        """
        import os, pytest
        from bluma import Bluma

        client = Bluma()
        SESSION, OWN = ("bluma_session_sandbox",), ("bluma_sandbox",)
        TURNS = [SESSION, OWN, OWN, SESSION, SESSION + OWN, OWN + SESSION, SESSION]

        def buy():
            return client.videos.wait_for(client.videos.create({"prompt": "x"}, "ugc-text-overlay"))

        @pytest.mark.parametrize("turn", TURNS)
        def test_it(turn, request):
            sandboxes = {name: request.getfixturevalue(name) for name in turn}
            sandbox = sandboxes.get("bluma_sandbox") or sandboxes["bluma_session_sandbox"]
            assert_billed = request.getfixturevalue("assert_billed")
            assert sandbox.base_url == os.environ["BLUMA_BASE_URL"]
            assert buy().url.startswith(sandbox.origin)
            assert_billed(1)

        def test_sums(bluma_session_sandbox):
            assert len(bluma_session_sandbox.creates) == TURNS.count(SESSION)
        """,
        "-o", "bluma_environment=true",
    )  # fmt: skip

    outcome.assert_outcomes(passed=8)


@pytest.mark.parametrize("is_static", [True, False])
def test_the_sandbox_of_the_session_belongs_to_the_tests_that_ask_for_it(
    pytester: pytest.Pytester, is_static: bool
) -> None:
    """Other tests have the environment and the clock of the machine, however the fixture was asked for first."""
    asks = "bluma_session_sandbox" if is_static else "bluma_sandbox, request"
    outcome = run(
        pytester,
        f"""
        import os, pytest
        from bluma_async._runtime.clock import MACHINE_TIME

        NAMES = ["BLUMA_API_KEY", "BLUMA_BASE_URL"]
        BEFORE = [os.environ.get(name) for name in NAMES]
        REAL = MACHINE_TIME.sleep, MACHINE_TIME.utc

        def check_machine():
            assert [os.environ.get(name) for name in NAMES] == BEFORE
            assert (MACHINE_TIME.sleep, MACHINE_TIME.utc) == REAL

        def test_asks({asks}):
            {"pass" if is_static else "request.getfixturevalue('bluma_session_sandbox')"}

        def test_does_not_ask():
            check_machine()

        @pytest.mark.parametrize("number", range(2))
        def test_asks_later(request, number):
            sandbox = request.getfixturevalue("bluma_session_sandbox")
            assert os.environ["BLUMA_BASE_URL"] == sandbox.base_url
            assert MACHINE_TIME.sleep is not REAL[0]

        def test_does_not_ask_either():
            check_machine()
        """,
    )

    outcome.assert_outcomes(passed=5)


def test_a_wider_fixture_prepares_the_account_of_the_session(pytester: pytest.Pytester) -> None:
    """It has the sandbox, and no test that it serves loses its own environment."""
    outcome = run(
        pytester,
        """
        import os, pytest
        from bluma import Bluma

        @pytest.fixture(scope="module")
        def made(bluma_session_server):
            with Bluma(bluma_session_server.live_key, base_url=bluma_session_server.base_url) as client:
                return client.videos.create({"prompt": "x"}, "ugc-text-overlay")

        def test_first(made):
            assert "BLUMA_BASE_URL" not in os.environ

        def test_second(made, bluma_session_sandbox, bluma_client, assert_billed):
            assert bluma_client.videos.wait_for(made).status == "completed"
            assert_billed(0)
        """,
    )

    outcome.assert_outcomes(passed=2)


def test_the_plugin_imports_nothing_but_pytest() -> None:
    """Every project of the environment loads it: nothing of the SDK, and none of its libraries."""
    code = "import sys, pytest; old = set(sys.modules); import bluma_testing.plugin; print(*set(sys.modules) - old)"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    added = set(done.stdout.split())
    assert {name for name in added if name.startswith("bluma")} == {"bluma_testing", "bluma_testing.plugin"}
    assert not {name.split(".")[0] for name in added} & {"aiohttp", "anyio", "attrs", "attr", "cattrs", "PIL", "av"}


def test_a_test_without_the_fixtures_starts_nothing(pytester: pytest.Pytester) -> None:
    """A project that does not use the plugin pays for neither sandbox nor threads, and sees no marker of it."""
    outcome = run(
        pytester,
        """
        import threading

        def test_it():
            assert [thread.name for thread in threading.enumerate() if "sandbox" in thread.name] == []
        """,
        "--strict-markers",
    )

    outcome.assert_outcomes(passed=1)
