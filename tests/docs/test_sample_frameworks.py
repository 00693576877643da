"""The samples of the documentation for Flask, Django, pytest and Celery, each run by the framework itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import requests
from werkzeug.serving import make_server

from bluma import sign_webhook
from bluma_async.sandbox import Sandbox
from tests.docs.sample_code import ROOT, read_sample


@pytest.fixture
def site() -> Iterator[Any]:
    """Give a function that serves a WSGI application over a real socket, and returns its URL."""
    servers: List[Tuple[Any, threading.Thread]] = []

    def serve(app: Any) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_flask(sandbox: Sandbox, site: Any) -> None:
    """Items 46, 103 and 116: views return a video as JSON, an error's own status, and 404 for an unknown video."""
    names = import_sample("flask_integration", sandbox)
    url = site(names["app"]) + "/api/videos"
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "Hi"}}

    with requests.Session() as browser:
        made = browser.post(url, json=job)
        shown = browser.get(f"{url}/{made.json()['id']}")
        unknown = browser.get(f"{url}/batch_unknown")
        refused = browser.post(url, json={**job, "template_id": "nothing"})
        sandbox.faults.add("POST /videos", "status", status=402)
        unpaid = browser.post(url, json=job)
    names["bluma"].close()

    assert (made.status_code, made.json()["status"], made.json()["credits_charged"]) == (200, "queued", 2)
    assert (shown.status_code, shown.json()["status"]) == (200, "completed")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Video not found"})
    assert (refused.status_code, bool(refused.json()["error"])) == (400, True)
    assert unpaid.status_code == 402


def import_sample(name: str, sandbox: Sandbox) -> Dict[str, Any]:
    """Run a sample as a module that a server imports, and return its global names; its client stays open."""
    names: Dict[str, Any] = {"__name__": "site"}
    exec(compile(read_sample(name), f"{name}.py", "exec"), names)
    return names


def test_flask_webhooks(
    sandbox: Sandbox, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items 61 to 64: genuine events are handled; forged and unsigned ones get a 401, as does any without a secret."""
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", "whsec_test")
    url = site(import_sample("verify_webhook", sandbox)["app"]) + "/webhooks/bluma"
    data = {"video.completed": {"url": "u"}, "video.failed": {"error": "broke"}, "credits.low": {"remaining": 7}}

    def deliver(event_type: str, secret: str) -> Tuple[int, str]:
        payload = json.dumps({"id": "evt_1", "type": event_type, "data": {"id": "x", **data[event_type]}}).encode()
        answer = browser.post(url, data=payload, headers={"X-Bluma-Signature": sign_webhook(payload, secret)})
        return answer.status_code, answer.text

    with requests.Session() as browser:
        genuine = [deliver(event_type, "whsec_test") for event_type in data]
        forged = deliver("video.completed", "whsec_other")
        unsigned = browser.post(url, data=b"{}").status_code
        monkeypatch.delenv("BLUMA_WEBHOOK_SECRET")
        unset = deliver("video.completed", "whsec_test")

    assert genuine == [(200, "")] * 3
    assert (forged, unsigned, unset) == ((401, "Unauthorized"), 401, (401, "Unauthorized"))
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines == ["Video ready: u", "Video failed: broke", "Credits low: 7", *["Invalid webhook signature"] * 3]


DJANGO = """
import json, sys
from django.conf import settings
settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x", USE_TZ=True)
import django
django.setup()
from django.test import Client
browser = Client()
def post(template):
    return browser.post("/videos", json.dumps({"template_id": template, "context": {"prompt": "Hi"}}), "text/json")
made = post("ugc-text-overlay")
shown = browser.get("/videos/" + made.json()["id"])
refused = post("nothing")
answers = [made, shown, browser.get("/videos/unknown"), refused, browser.get("/videos")]
print(json.dumps([[a.status_code, json.loads(a.content or "null")] for a in answers]))
"""
URLS = """
from django.urls import path
import views
urlpatterns = [path("videos", views.create_video), path("videos/<video_id>", views.get_video)]
"""


def test_django(sandbox: Sandbox, tmp_path: Path) -> None:
    """Items 47, 103 and 117: Django views return the same statuses and bodies."""
    (tmp_path / "views.py").write_text(read_sample("django_integration"))
    (tmp_path / "urls.py").write_text(URLS)

    done = run_python("-c", DJANGO)

    made, shown, unknown, refused, not_allowed = json.loads(done.stdout)
    assert (made[0], made[1]["status"], made[1]["credits_charged"]) == (200, "queued", 2)
    assert (shown[0], shown[1]["status"], shown[1]["id"]) == (200, "completed", made[1]["id"])
    assert unknown == [404, {"error": "Video not found"}]
    assert (refused[0], "template" in refused[1]["error"], not_allowed) == (400, True, [405, None])


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder of the sample, with the environment of the fixture."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path.cwd())]), **environment},
    )


@pytest.mark.parametrize("name", ["mocking", "fixtures"])
def test_tests_of_the_samples(sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    """Items 42, 51, 115 and 121: the tests of the documentation pass under pytest."""
    (tmp_path / f"test_{name}.py").write_text(read_sample(name))

    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{name}.py")

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_celery(sandbox: Sandbox, tmp_path: Path) -> None:
    """Item 118: the task runs in a real worker and returns plain data; only the broker differs."""
    (tmp_path / "tasks.py").write_text(read_sample("celery_task"))
    (tmp_path / "data_in").mkdir()
    (tmp_path / "data_out").symlink_to("data_in")
    environ = {"CELERY_BROKER_URL": "filesystem://", "PYTHONPATH": str(ROOT), "C_FORCE_ROOT": "1"}
    called = run_python("-c", "import tasks", **environ)

    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "1", "-l", "INFO"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    assert worker.stderr is not None
    lines = []
    for line in worker.stderr:
        lines.append(line)
        if "succeeded in" in line:
            break
    worker.terminate()
    worker.communicate()

    assert (called.returncode, worker.returncode) == (0, 0)
    assert re.search(r"'success': True, 'video_id': 'batch_\w+', 'url': 'http://\S+signed=", lines[-1]), lines
