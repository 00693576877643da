"""A Django site that makes videos, with its tests. Run it with `python -m pytest examples/django_app.py`."""

from __future__ import annotations

from typing import Any

import pytest

django = pytest.importorskip("django", reason="Django is not installed, or has no release for this Python")

from django.conf import settings

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="example", DEBUG=True)
    django.setup()

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.test import SimpleTestCase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from bluma import Bluma, WebhookReceiver, django_view
from bluma.errors import BlumaError
from bluma.testing import EventPoster

# The site.


@csrf_exempt
def create_video(request: HttpRequest) -> JsonResponse:
    """Create a video, wait for it, and answer with its link."""
    try:
        with Bluma() as client:  # the key is BLUMA_API_KEY
            video = client.videos.create({"prompt": request.POST["prompt"]}, "cat-explainer-v2")
            return JsonResponse({"url": client.videos.wait_for(video).url}, status=201)
    except BlumaError as error:
        return JsonResponse({"error": str(error)}, status=error.status)


receiver = WebhookReceiver("whsec_site")
urlpatterns = [path("videos", create_video), path("webhooks/bluma", django_view(receiver))]


# Its tests.


@pytest.mark.usefixtures("bluma_sandbox")
class TestSite(SimpleTestCase):
    """Tests with Django's own classes: they take fixtures by the marker `usefixtures`."""

    def test_a_video_is_made(self) -> None:
        """The wait of minutes takes no time."""
        answer = self.client.post("/videos", {"prompt": "Why do cats purr?"})

        self.assertEqual(answer.status_code, 201)
        self.assertIn("/cdn/videos/", answer.json()["url"])

    @pytest.mark.bluma_fault("POST /videos", "status", status=429, retry_after=60)
    def test_a_spent_budget_is_reported(self) -> None:
        """The status of the error is the one that the site answers with."""
        self.assertEqual(self.client.post("/videos", {"prompt": "Why?"}).status_code, 429)


def test_an_event_is_taken_and_a_forged_one_is_not() -> None:
    """The poster speaks WSGI, so the request passes Django's handler and its middlewares."""
    site: Any = WSGIHandler()

    assert EventPoster(site, secret="whsec_site").post("video.completed").status == 200
    assert EventPoster(site, secret="whsec_other").post("video.completed").status == 401
