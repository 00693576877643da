"""
Every code sample of the documents runs as it is written, against the sandbox.

What the documents forgot to import is put in front, and a sample that goes on from an earlier one finds `bluma` there.
Only the base URL is another, and comes from the environment.
"""

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

from bluma import Bluma, sign_webhook
from bluma.errors import RateLimitError, ServerError, ValidationError
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.assets import create_asset
from bluma_async.sandbox.catalog import find_template
from bluma_async.sandbox.events import Outcome
from tests.live import Live

SAMPLES = Path(__file__).parent / "samples"
ROOT = SAMPLES.parent.parent.parent
MADE_EARLIER = "import os\nfrom bluma import Bluma\nbluma = Bluma(api_key=os.getenv('BLUMA_API_KEY'))\n"
FORGOTTEN = {
    "quick_start": "import os\n",
    "basic_configuration": "import os\n",
    "wait_for": MADE_EARLIER + "from bluma.types import VideoStatus\n",
    "automatic_retries": "import os\nfrom bluma import Bluma\n",
    "custom_retries": "import os\nfrom bluma.errors import RateLimitError, ValidationError\n",
    "context_manager": "import os\n",
    "custom_headers": "import os\nfrom bluma import Bluma\n",
    "flask_integration": "import os\n",
    "mocking": "from datetime import datetime\n",
    "fixtures": "import os\n",
}
WHOLE = {"environment_configuration", "complete_flow", "asset_driven", "django_integration", "celery_task"}
WHOLE |= {"quickstart_polling", "verify_webhook"}
FRAMEWORKS = {"flask_integration", "django_integration", "celery_task", "verify_webhook", "mocking", "fixtures"}
# What a sample prints; the documents' own figures where they are right for the sandbox.
PRINTS = {
    "quick_start": r"Video created: batch_\w+\nVideo ready: http://\S+/videos/batch_\w+\.mp4\n",
    "create_video": r"batch_\w+\nqueued\nugc-text-overlay\nNone\n\d+\n",
    "get_video": r"completed\nhttp://\S+\.mp4\n\d+\n",
    "wait_for": r"Video ready: http://\S+\n",
    "wait_for_progress": r"Progress: 100%\n",
    "download_video": r"http://\S+signed=\S+\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00\n",
    "list_templates": r"(?:[\w-]+: [\w &]+\nBase cost: 2 credits\n){5}",
    "get_template": r"Rick & Morty Meme Explainer\n.+\n\{.*'prompt'.*\}\n",
    "get_balance": r"\d+\npro\n\d+\n\d{4}-\d\d-\d\d.*\n",
    "get_history": r"(?:(?:deduction|purchase)\n-?\d+\n.+\n\d{4}-.+\n)+Total transactions: \d\n",
    "create_webhook": r"webhook_\w+\nwhsec_\w+\n",
    "list_webhooks": r"webhook_abc123: https://myapp.com/webhooks/bluma\nActive: True\n",
    "create_variant": r"var_\w+\n",
    "list_variants": r"Preset: True\n",
    "get_variant": r"\{'settings': \{'systemPrompt': 'Be brief'\}\}\n",
    "create_collection": r"coll_\w+\n0\n",
    "list_collections": r"Product Photos: 4 assets\n",
    "get_collection": r"Product Photos\nHigh-quality\n4\n",
    "list_collection_assets": r"(?:[\w.]+: http://\S+\n){4}",
    "upload_asset": r"asset_\w+\nhttp://\S+\nUpload complete!\n",
    "get_asset": r"abc123\.jpg\nhttp://\S+\nimage/jpeg\n4\n",
    "list_assets": r"(?:[\w.]+ \(image/jpeg\)\n){4}",
    "random_asset": r"http://\S+\n",
    "recover_asset": r"Asset recovered: abc123\.jpg\n",
    "errors": r"Invalid input: .*template.*\nField: template_id\n",
    "batch_operations": r"Created 3 videos\n",
    "context_manager": r"batch_\w+\n",
    "complete_flow": r"Creating video...\nVideo ID: batch_\w+\nCredits charged: 2\nWaiting for video to complete...\n"
    r"Progress: 100%\nVideo completed!\nVideo saved to my-video.mp4\n",
    "asset_driven": r"Creating asset collection...\nUploading assets...\n(?:Uploaded product\d.jpg -> http://\S+\n){3}"
    r"Creating variant preset...\n✅ Setup complete!\nVariant Preset: var_\w+\nCollection: coll_\w+ \(3 assets\)\n"
    r"Generating test video with variant...\nTest video queued: batch_\w+\nTest video ready: http://\S+\n"
    r"Setup complete! Use the preset for future videos.\n",
    "quickstart_polling": r"Video queued: batch_\w+\nStatus: completed \(100%\)\nVideo ready: http://\S+\n",
}


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """Give a sandbox with everything the documents name, and an environment and a folder like their readers'."""
    live = Live(at_once=True)
    with live as running:
        live.run(furnish(running))
        for name in ("BLUMA_API_KEY", "BLUMA_LIVE_KEY"):
            monkeypatch.setenv(name, running.live_key)
        monkeypatch.setenv("BLUMA_TEST_KEY", running.test_key)
        monkeypatch.setenv("BLUMA_BASE_URL", running.base_url)
        monkeypatch.chdir(tmp_path)
        for picture in ("product", "product1", "product2", "product3"):
            (tmp_path / f"{picture}.jpg").write_bytes(b"\xff\xd8\xff\xd9")
        yield running


async def furnish(sandbox: Sandbox) -> None:
    """Put into the sandbox what the samples refer to by its id; what it would send to other hosts arrives nowhere."""
    state = sandbox._running
    state.events.send = lambda delivery: delivery.done(Outcome(200, 0, None))
    template = find_template("rick-morty-explainer")
    assert template is not None
    video = state.videos.create({"context": {"prompt": "Hi"}}, template, "live", fails=False)
    rename(state.videos._table, video, "batch_abc123xyz")
    await sandbox.advance(105)
    at = dict.fromkeys(("created", "updated"), state.clock.time())
    hook = {"url": "https://myapp.com/webhooks/bluma", "events": ["video.completed"], "secret": "whsec_1"}
    state.webhooks.put({"id": "webhook_abc123", "is_active": True, "failures": 0, **hook, **at})
    settings = {"settings": {"systemPrompt": "Be brief"}}
    preset = {"template_id": template["id"], "name": "Preset", "payload": settings}
    state.variants.put({"id": "var_xyz789", **preset, **at})
    facts = {"name": "Product Photos", "description": "High-quality", "asset_type": "all", "deleted": None}
    state.collections.put({"id": "coll_abc123", **facts, **at})
    for name in ("abc123", "1", "2", "3"):
        asset = create_asset(state, f"{name}.jpg", "image/jpeg", ["coll_abc123"])
        asset["size"] = 4
        rename(state.assets, asset, f"asset_{name}")


def rename(table: Any, row: Dict[str, Any], identifier: str) -> None:
    """Give a row another id."""
    table.drop(row["id"])
    row["id"] = identifier
    table.put(row)


def text_of(name: str) -> str:
    """Return a sample with what the documents forgot in front of it."""
    before = FORGOTTEN.get(name, "" if name in WHOLE else MADE_EARLIER)
    return before + (SAMPLES / f"{name}.py").read_text(encoding="utf-8")


def run_sample(name: str, sandbox: Sandbox, module: str = "__main__") -> Dict[str, Any]:
    """Run a sample in this process; return the names it leaves behind."""
    text = text_of(name).replace("https://api.getbluma.com/api/v1", sandbox.base_url)
    names: Dict[str, Any] = {"__name__": module}
    exec(compile(text, f"{name}.py", "exec"), names)
    for value in names.values():
        if isinstance(value, Bluma):
            value.close()
    return names


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.py") if path.stem not in FRAMEWORKS))
def test_a_sample_runs_as_written(sandbox: Sandbox, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Items 19, 119 and 120: it ends without an exception, and prints what the documents say."""
    run_sample(name, sandbox)

    out, err = capsys.readouterr()
    assert re.fullmatch(PRINTS.get(name, ""), out), out
    assert err == ""


def test_no_sample_is_left_out() -> None:
    """Each one is run here or by a framework below; each expectation belongs to one."""
    names = {path.stem for path in SAMPLES.glob("*.py")}

    assert len(names) == 52
    assert {*PRINTS, *FORGOTTEN, *WHOLE, *FRAMEWORKS} <= names


def test_the_files_of_the_samples_are_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    """Items 40, 81 to 83 and 119: what is downloaded is the video, what is uploaded is the picture."""
    run_sample("download_video", sandbox)
    run_sample("asset_driven", sandbox)

    with Bluma() as client:
        video = client.videos.get("batch_abc123xyz")
        newest = client.assets.list(file_type="image")[0]
        assert (tmp_path / "my-video.mp4").stat().st_size == video.size_bytes
        assert newest.file_size_bytes == 4
        assert client.videos.list().pagination.total == 2


def test_typed_functions_of_the_samples(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Items 22, 84, 85 and 113: None leaves an argument out, a path is a file name, and the types are there."""
    create = run_sample("create_video_typed", sandbox)["create_video"]
    hints = run_sample("type_hints", sandbox)
    with Bluma() as client:
        create.__globals__["bluma"] = hints["upload_asset"].__globals__["bluma"] = client

        video = create(context={"prompt": "Hi"}, variant_id="var_xyz789")
        hints["process_video"](client.videos.get(video.id))
        asset = hints["upload_asset"]("some/folder/product.jpg")

    assert (video.variant_id, asset.name) == ("var_xyz789", "product.jpg")
    assert f"videos/{video.id}.mp4" in capsys.readouterr().out


def test_configurations_of_the_samples(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items 6, 8 and 9: options by keyword, from a dict, int or float; the environment chooses."""
    basic = run_sample("basic_configuration", sandbox)["bluma"]
    test = run_sample("environment_configuration", sandbox)["bluma"]
    monkeypatch.setenv("ENVIRONMENT", "production")
    live = run_sample("environment_configuration", sandbox)["bluma"]

    options = [client._async._session.options for client in (basic, test, live)]
    assert [option.timeout for option in options] == [30, 60, 30]
    assert [option.api_key for option in options] == [sandbox.live_key, sandbox.test_key, sandbox.live_key]


def test_custom_retries_of_the_samples(sandbox: Sandbox) -> None:
    """Items 109 to 111: 429 is repeated five times, after 1, 2, 4, 8 and 10 s; 400 never; 500 three times."""
    names = run_sample("custom_retries", sandbox)
    paused: List[float] = []

    class Clock:
        def now(self) -> float:
            return sum(paused)

        async def sleep(self, seconds: float) -> None:
            paused.append(seconds)

    callbacks = {name: names[name] for name in ("should_retry", "calculate_retry_delay")}
    expected = {429: (RateLimitError, [1, 2, 4, 8, 10]), 400: (ValidationError, []), 500: (ServerError, [1, 2, 4])}
    with Bluma(clock=Clock(), **callbacks) as client:
        for status, (error, pauses) in expected.items():
            paused.clear()
            sandbox.faults.add("GET /templates", "status", times=len(pauses) + 1, status=status)
            with pytest.raises(error):
                client.templates.list()
            assert paused == pauses


def test_default_retries_of_the_samples(sandbox: Sandbox) -> None:
    """Items 105, 108 and 112: pauses of 1, 2 and 4 s, four requests in all, and the last error."""
    options = run_sample("automatic_retries", sandbox)["bluma"]._async._session.options
    shown = options.max_retries, options.retry_delay, options.retry_multiplier
    sandbox.faults.add("GET /templates", "status", times=4, status=500)
    paused: List[float] = []

    class Clock:
        def now(self) -> float:
            return 0.0

        async def sleep(self, seconds: float) -> None:
            paused.append(seconds)

    with Bluma(clock=Clock()) as client, pytest.raises(ServerError) as raised:
        client.templates.list()

    assert (shown, paused, raised.value.attempts) == ((3, 1.0, 2.0), [1, 2, 4], 4)


def test_headers_of_the_samples(sandbox: Sandbox) -> None:
    """Item 13: one User-Agent, the caller's own."""
    options = run_sample("custom_headers", sandbox)["bluma"]._async._session.options

    assert options.default_headers == {"User-Agent": "MyApp/1.0", "X-Custom-Header": "value"}


@pytest.fixture
def site() -> Iterator[Any]:
    """Give a function that serves a WSGI application over a real socket, and returns where."""
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
    """Items 46, 103 and 116: a video's JSON, the error's own status, 404 for what is unknown."""
    names = run_flask("flask_integration", sandbox)
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


def run_flask(name: str, sandbox: Sandbox) -> Dict[str, Any]:
    """Run a sample as the module that a server imports; its client stays open."""
    names: Dict[str, Any] = {"__name__": "site"}
    exec(compile(text_of(name), f"{name}.py", "exec"), names)
    return names


def test_flask_webhooks(
    sandbox: Sandbox, site: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items 61 to 64: genuine events are handled, everything else is turned away; an unset secret too."""
    monkeypatch.setenv("BLUMA_WEBHOOK_SECRET", "whsec_test")
    url = site(run_flask("verify_webhook", sandbox)["app"]) + "/webhooks/bluma"
    data = {"video.completed": {"url": "u"}, "video.failed": {"error": "broke"}, "credits.low": {"remaining": 7}}

    def deliver(kind: str, secret: str) -> Tuple[int, str]:
        payload = json.dumps({"id": "evt_1", "type": kind, "data": {"id": "x", **data[kind]}}).encode()
        answer = browser.post(url, data=payload, headers={"X-Bluma-Signature": sign_webhook(payload, secret)})
        return answer.status_code, answer.text

    with requests.Session() as browser:
        genuine = [deliver(kind, "whsec_test") for kind in data]
        forged = deliver("video.completed", "whsec_other")
        unsigned = browser.post(url, data=b"{}").status_code
        monkeypatch.delenv("BLUMA_WEBHOOK_SECRET")
        unset = deliver("video.completed", "whsec_test")

    assert genuine == [(200, "")] * 3
    assert (forged, unsigned, unset) == ((401, "Unauthorized"), 401, (401, "Unauthorized"))
    told = [line for line in capsys.readouterr().out.splitlines() if line]
    assert told == ["Video ready: u", "Video failed: broke", "Credits low: 7", *["Invalid webhook signature"] * 3]


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
    """Items 47, 103 and 117: the same with Django's own responses."""
    (tmp_path / "views.py").write_text(text_of("django_integration"))
    (tmp_path / "urls.py").write_text(URLS)

    done = run_python("-c", DJANGO)

    made, shown, unknown, refused, wrong = json.loads(done.stdout)
    assert (made[0], made[1]["status"], made[1]["credits_charged"]) == (200, "queued", 2)
    assert (shown[0], shown[1]["status"], shown[1]["id"]) == (200, "completed", made[1]["id"])
    assert unknown == [404, {"error": "Video not found"}]
    assert (refused[0], "template" in refused[1]["error"], wrong) == (400, True, [405, None])


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the sample is, with the environment the fixture made."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path.cwd())]), **environment},
    )


@pytest.mark.parametrize("name", ["mocking", "fixtures"])
def test_tests_of_the_samples(sandbox: Sandbox, name: str, tmp_path: Path) -> None:
    """Items 42, 51, 115 and 121: the documents' own tests pass under pytest."""
    (tmp_path / f"test_{name}.py").write_text(text_of(name))

    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", f"test_{name}.py")

    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_celery(sandbox: Sandbox, tmp_path: Path) -> None:
    """Item 118: the task runs in a real worker and returns plain text; only the broker is another."""
    (tmp_path / "tasks.py").write_text(text_of("celery_task"))
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
