# Polls until video is completed or failed
video = bluma.videos.wait_for(
    "batch_abc123xyz",
    poll_interval=5,  # seconds (default: 5)
    timeout=300,  # seconds (default: 600)
)

if video.status == VideoStatus.COMPLETED:
    print(f"Video ready: {video.url}")
else:
    print(f"Video failed: {video.error}")
