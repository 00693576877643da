# views.py
from django.http import JsonResponse
from django.views.decorators.http import require_http_methods
from bluma import Bluma
from bluma.errors import BlumaError, NotFoundError
import os

bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))


@require_http_methods(["POST"])
def create_video(request):
    try:
        import json

        data = json.loads(request.body)

        video = bluma.videos.create(template_id=data["template_id"], context=data["context"])

        return JsonResponse({"id": video.id, "status": video.status, "credits_charged": video.credits_charged})

    except BlumaError as error:
        return JsonResponse({"error": str(error)}, status=error.status)


@require_http_methods(["GET"])
def get_video(request, video_id):
    try:
        video = bluma.videos.get(video_id)

        return JsonResponse({"id": video.id, "status": video.status, "url": video.url})

    except NotFoundError:
        return JsonResponse({"error": "Video not found"}, status=404)
