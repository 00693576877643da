"""`bluma listen` and `bluma trigger`: events are verified, printed and forwarded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Dict, Iterator, List, Tuple
from urllib.request import Request, urlopen

import pytest

from bluma import Bluma, sign_webhook, verify_webhook
from bluma_async.cli.event_making import describe_video
from bluma_async.cli.polling import StatusChanges
from bluma_async.cli.webhooks import EVENTS
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video
from tests.cli.test_cli import run
from tests.live import Live

START = "import sys\nfrom bluma_command import main\nsys.exit(main())\n"
SECRET = "whsec_of_the_test"
posix = pytest.mark.skipif(os.name != "posix", reason="there is no SIGTERM to send")


class Program:
    """A program that receives events; `status` is its answer."""

    def __init__(self) -> None:
        self.received: List[Tuple[bytes, Dict[str, str]]] = []
        self.status = 200
        self.arrived = threading.Semaphore(0)
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                program.received.append((body, dict(self.headers)))
                self.send_response(program.status)
                self.end_headers()
                program.arrived.release()

            def log_message(self, *_: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def verified(self) -> List[Any]:
        """Return the events, whose signatures are valid."""
        return [verify_webhook(body, headers["X-Bluma-Signature"], SECRET) for body, headers in self.received]


@pytest.fixture
def program() -> Iterator[Program]:
    """Give a program that receives events."""
    made = Program()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the secret of webhooks."""
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", SECRET)


class Listener:
    """The command in a process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, "listen", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.notes: List[str] = []

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def read_note(self, beginning: str) -> str:
        """Return the first line of the standard error with this beginning."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.notes.append(line)
            if line.startswith(beginning):
                return line.strip()
        raise AssertionError(f"{beginning!r} is not among {self.notes}")

    def read_event(self) -> Dict[str, Any]:
        """Return the next line of the standard output."""
        assert self.process.stdout is not None
        record: Dict[str, Any] = json.loads(self.process.stdout.readline())
        return record

    def stop(self, number: int = signal.SIGTERM) -> Tuple[int, str]:
        """End the command, and return its exit code and the rest of the standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate()
        return self.process.returncode, err


@posix
def test_listen_verifies_prints_and_forwards(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """A signed event is forwarded as it was received, and answered as the program does; a forged one gets 401."""
    with Listener("--port", "0", "--forward", program.url) as listener:
        url = listener.read_note("Listening on ").split()[2].rstrip(".")
        sent = run(["trigger", "video.completed", url, "--data", "id=batch_7", "--json"])
        printed = json.loads(capsys.readouterr().out)
        first = listener.read_event()
        program.status = 500
        failed = run(["trigger", "credits.low", url])
        second = listener.read_event()
        forged = Request(url, b'{"id": "evt_1"}', {"X-Bluma-Signature": sign_webhook(b"{}", SECRET)})
        with pytest.raises(OSError, match="401"), urlopen(forged):
            pass
        third = listener.read_event()
        code, err = listener.stop()

    assert (sent, failed, code, "Traceback" in err) == (0, 1, 0, False)
    assert [event.type for event in program.verified()] == ["video.completed", "credits.low"]
    assert (first["video_id"], first["id"], first["forwarded"]) == ("batch_7", printed["id"], 200)
    assert (second["video_id"], second["forwarded"], second["problem"]) == (None, 500, f"{program.url} answered 500")
    assert (third["id"], third["problem"].startswith("Invalid webhook signature")) == (None, True)
    assert len(program.received) == 2


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_register_makes_a_webhook_and_deletes_it(live: Sandbox, number: int) -> None:
    """However the command ends, the webhook goes with it; events are verified with the webhook's own secret."""
    with Listener(
        "--port", "0", "--register", "https://tunnel.example.com/hook", "--event", "video.failed"
    ) as listener:
        listener.read_note("Registered https://tunnel.example.com/hook as webhook_")
        listener.read_note("Listening on ")
        with Bluma() as client:
            (webhook,) = client.webhooks.list()
            code, err = listener.stop(number)
            left = client.webhooks.list()

    assert (webhook.url, webhook.events, left) == ("https://tunnel.example.com/hook", ["video.failed"], [])
    assert code == (0 if number == signal.SIGTERM else 130)
    assert f"Deleted {webhook.id}" in err
    assert "Traceback" not in err


@posix
def test_poll_makes_signed_events_of_what_it_reads(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind any firewall: each change of a video becomes an event; videos from before are not news."""
    with Live() as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        with Bluma() as client:
            client.videos.create({"prompt": "old"}, "ugc-text-overlay")
            polled = threading.Semaphore(0)
            sandbox.watch(
                lambda record: polled.release() if record.path.endswith("/videos") and record.method == "GET" else None
            )
            with Listener("--poll", "--interval", "0.01", "--forward", program.url) as listener:
                polled.acquire()
                polled.acquire()  # the first poll is over
                video = client.videos.create({"prompt": "Hello [fail]"}, "ugc-text-overlay")
                events = [listener.read_event()]
                sandbox_advance(sandbox, 200)
                while not any(event["type"] == "video.failed" and event["video_id"] == video.id for event in events):
                    events.append(listener.read_event())
                code, _ = listener.stop()

    own = [event for event in events if event["video_id"] == video.id]
    assert (own[0]["type"], own[-1]["type"], code) == ("video.queued", "video.failed", 0)
    failed = next(event for event in program.verified() if event.id == own[-1]["id"])
    assert failed.data["error"]["detail"]


def sandbox_advance(sandbox: Sandbox, seconds: float) -> None:
    """Advance the clock of a sandbox over its control URL."""
    request = Request(
        f"{sandbox.origin}/_sandbox/clock",
        json.dumps({"advance": seconds}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request) as answer:
        assert answer.status == 200


def test_changes_of_videos_are_found_once() -> None:
    """Each new status is found until it is remembered, oldest video first, with an id that stays the same."""
    changes = StatusChanges()
    old = Video(id="a", status="processing", created_at="2026-01-01T00:00:00Z")
    new = Video(id="b", status="queued", created_at="2026-01-02T00:00:00Z")
    done = Video(id="a", status="completed", created_at="2026-01-01T00:00:00Z", credits_charged=2)

    changes.remember(old)
    found = [changes.find([new, done]), changes.find([new, done])]
    changes.remember(done)
    found.append(changes.find([new, done]))
    changes.remember(new)
    found.append(changes.find([new, done]))

    assert found == [[done, new], [done, new], [new], []]
    assert changes.unfinished == ["b"]
    assert describe_video(done)["id"] == describe_video(done)["id"] != describe_video(old)["id"]
    assert describe_video(done)["data"] == {"id": "a", "status": "completed", "template_id": "", "credits_consumed": 2}


@pytest.mark.parametrize("event", EVENTS)
def test_trigger_sends_every_type(program: Program, event: str) -> None:
    """Each type is signed, and verifies; a JSON value replaces a field of its data."""
    assert run(["trigger", event, program.url, "--data", "extra:=[1]"]) == 0
    (received,) = program.verified()

    assert (received.type, received.data["extra"]) == (event, [1])


def test_a_program_that_is_not_there_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the reason; the event is printed anyway."""
    assert run(["trigger", "video.failed", "http://127.0.0.1:1/"]) == 1
    out, err = capsys.readouterr()
    assert "video.failed" in out
    assert err == "Error: http://127.0.0.1:1/ cannot be reached: Connection refused.\n"


def test_a_port_in_use_is_reported(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the option."""
    code = run(["listen", "--port", program.url.rsplit(":", 1)[1].partition("/")[0]])

    assert code == 1
    assert "the port is in use. Choose another --port" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8000/hook", "http://[::1", "ftp://x/", "http://", "http://a b/"])
@pytest.mark.parametrize("command", [["trigger", "video.failed"], ["listen", "--forward"]])
def test_an_invalid_url_is_refused(command: List[str], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, before anything is sent or listened to."""
    assert run([*command, url]) == 2
    assert "is not an http:// or https:// URL with a host. Nothing was sent." in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://localhost:4242/hook", "http://127.0.0.1:4242", "http://[::1]:4242/"])
def test_listen_does_not_forward_to_itself(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each event would come back, and be forwarded again."""
    assert run(["listen", "--forward", url]) == 2
    assert "is this command itself" in capsys.readouterr().err


def test_poll_and_register_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """`--poll` together with `--register` is refused, and no endpoint is registered."""
    assert run(["listen", "--poll", "--register", "https://x.example.com"]) == 2
    assert "Nothing was sent." in capsys.readouterr().err
