"""Every public name of bluma 1.2.0 can be imported from the module where it was."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from typing import Any, Dict

import pytest

import bluma
from bluma import Bluma

ERRORS = """
    APIError AuthenticationError BlumaError ForbiddenError InsufficientCreditsError NetworkError NotFoundError
    RateLimitError ServerError ValidationError
"""
TYPES = """
    ApiKey Asset AssetUploadResponse Collection CreditBalance CreditHistory CreditUsage ErrorBreakdown RecentRequest
    Template TemplateVariant TimeSeriesPoint TopEndpoint Transaction TransactionType UsageByKey UsageMetrics UsagePeriod
    Video VideoDownload VideoError VideoStatus Webhook WebhookDelivery
"""
WEBHOOKS = "verify_webhook verify_webhook_signature"
RESOURCES = (
    "ApiKeys Assets Collections Credits Templates Usage Variants Videos Webhooks".split()  # noqa: SIM905 - nine lines otherwise
)
DEFAULTS = {
    "DEFAULT_TIMEOUT": "timeout",
    "DEFAULT_MAX_RETRIES": "max_retries",
    "DEFAULT_RETRY_DELAY": "retry_delay",
    "DEFAULT_RETRY_MULTIPLIER": "retry_multiplier",
}
NAMES: Dict[str, str] = {
    "bluma": f"{ERRORS} {WEBHOOKS} Bluma __version__ " + TYPES,
    "bluma.errors": ERRORS,
    "bluma.types": TYPES,
    "bluma.webhooks": WEBHOOKS,
    "bluma.client": " ".join(
        ["Bluma DEFAULT_BASE_URL", ERRORS, TYPES, *DEFAULTS, *(f"{name}Resource" for name in RESOURCES)]
    ),
}


@pytest.mark.parametrize("module", NAMES)
def test_every_name_is_in_its_module(module: str) -> None:
    """`from module import name` works for each of them, and all modules have the same objects."""
    found = importlib.import_module(module)
    names = NAMES[module].split()

    assert [name for name in names if not hasattr(found, name)] == []
    assert [name for name in names if hasattr(bluma, name) and getattr(bluma, name) is not getattr(found, name)] == []
    assert set(found.__all__) >= set(names)


def test_modules_are_attributes_of_the_package() -> None:
    """`import bluma` is enough for `bluma.webhooks.verify_webhook`; a star import brings no module `client`."""
    code = "import bluma; bluma.webhooks.verify_webhook, bluma.client.Bluma, bluma.types.Video, bluma.errors.APIError"

    subprocess.run([sys.executable, "-c", code], check=True)

    assert {"client", "webhooks"} <= set(dir(bluma))
    assert not {"client", "webhooks"} & set(bluma.__all__)


@pytest.mark.parametrize("name", RESOURCES)
def test_resources_have_the_names_of_their_classes(name: str) -> None:
    """Annotations and `isinstance` checks of programs keep working."""
    classes: Any = importlib.import_module("bluma.client")
    attribute = "api_keys" if name == "ApiKeys" else name.lower()

    assert isinstance(getattr(Bluma("bluma_test_x"), attribute), getattr(classes, f"{name}Resource"))


def test_the_defaults_are_those_of_the_client() -> None:
    """The constants are not a second truth."""
    constants: Any = importlib.import_module("bluma.client")
    parameters = inspect.signature(Bluma).parameters

    assert {name: getattr(constants, name) for name in DEFAULTS} == {
        name: parameters[option].default for name, option in DEFAULTS.items()
    }
    assert Bluma("bluma_test_x").base_url == constants.DEFAULT_BASE_URL
