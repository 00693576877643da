from celery import Celery
from bluma import Bluma
import os

app = Celery("tasks", broker="redis://localhost:6379/0")
bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))


@app.task
def generate_video(template_id, context):
    """Background task for video generation"""
    try:
        # Create video
        video = bluma.videos.create(template_id=template_id, context=context)

        # Wait for completion
        completed = bluma.videos.wait_for(video.id)

        # Download to storage
        download = bluma.videos.download(completed.id)

        return {"success": True, "video_id": completed.id, "url": download.download_url}

    except Exception as error:
        return {"success": False, "error": str(error)}


# Usage
result = generate_video.delay("rick-morty-explainer", {"prompt": "Test"})
