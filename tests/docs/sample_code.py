"""
Run the code samples of the documentation as they are written.

Imports that the documentation omits are put in front, and a sample that continues an earlier one finds `bluma` there.
Only the base URL differs, and comes from the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from bluma import Bluma
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.assets import create_asset
from bluma_async.sandbox.catalog import find_template
from bluma_async.sandbox.events import Outcome

SAMPLES = Path(__file__).parent / "samples"
ROOT = SAMPLES.parent.parent.parent
EARLIER_LINES = "import os\nfrom bluma import Bluma\nbluma = Bluma(api_key=os.getenv('BLUMA_API_KEY'))\n"
MISSING_LINES = {
    "quick_start": "import os\n",
    "basic_configuration": "import os\n",
    "wait_for": EARLIER_LINES + "from bluma.types import VideoStatus\n",
    "automatic_retries": "import os\nfrom bluma import Bluma\n",
    "custom_retries": "import os\nfrom bluma.errors import RateLimitError, ValidationError\n",
    "context_manager": "import os\n",
    "custom_headers": "import os\nfrom bluma import Bluma\n",
    "flask_integration": "import os\n",
    "mocking": "from datetime import datetime\n",
    "fixtures": "import os\n",
}
COMPLETE = {"environment_configuration", "complete_flow", "asset_driven", "django_integration", "celery_task"}
COMPLETE |= {"quickstart_polling", "verify_webhook"}
GENERATIONS = ("4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd", "57a6cb80-6da0-49bd-b29a-3f089b9e55e4")
FRAMEWORKS = {"flask_integration", "django_integration", "celery_task", "verify_webhook", "mocking", "fixtures"}
# The output of each sample, with the figures of the documentation where the sandbox has the same.
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


async def furnish(sandbox: Sandbox) -> None:
    """Create the objects that the samples refer to by id; nothing is sent to the hosts that they name."""
    state = sandbox._running
    state.events.send = lambda delivery: delivery.done(Outcome(200, 0, None))
    template = find_template("rick-morty-explainer")
    assert template is not None
    video = state.videos.create({"context": {"prompt": "Hi"}}, template, "live", fails=False)
    change_id(state.videos._table, video, "batch_abc123xyz")
    state.jobs.on_end = lambda _: None
    for identifier in GENERATIONS:
        state.jobs.create("umami", "test", {}, "Flying jellyfish", fails=False, identifier=identifier)
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
        change_id(state.assets, asset, f"asset_{name}")


def change_id(table: Any, row: Dict[str, Any], identifier: str) -> None:
    """Change the id of a row."""
    table.drop(row["id"])
    row["id"] = identifier
    table.put(row)


def read_sample(name: str) -> str:
    """Return the code of a sample, after the lines that the documentation omits."""
    missing = MISSING_LINES.get(name, "" if name in COMPLETE else EARLIER_LINES)
    return missing + (SAMPLES / f"{name}.py").read_text(encoding="utf-8")


def run_sample(name: str, sandbox: Sandbox, module: str = "__main__") -> Dict[str, Any]:
    """Run a sample in this process, and return its global names."""
    text = read_sample(name).replace("https://api.getbluma.com/api/v1", sandbox.base_url)
    names: Dict[str, Any] = {"__name__": module}
    exec(compile(text, f"{name}.py", "exec"), names)
    for value in names.values():
        if isinstance(value, Bluma):
            value.close()
    return names
