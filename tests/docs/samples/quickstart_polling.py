import requests
import time
import os

BLUMA_API_KEY = os.getenv("BLUMA_API_KEY")
BASE_URL = "https://api.getbluma.com/api/v1"
HEADERS = {"Authorization": f"Bearer {BLUMA_API_KEY}", "Content-Type": "application/json"}

# Create video
response = requests.post(
    f"{BASE_URL}/videos",
    headers=HEADERS,
    json={
        "template_id": "consumerclub-discord-zoomed",
        "context": {"prompt": "Create a fun personality quiz about food"},
    },
)
video_id = response.json()["id"]
print(f"Video queued: {video_id}")

# Poll for completion
while True:
    response = requests.get(f"{BASE_URL}/videos/{video_id}", headers=HEADERS)
    data = response.json()
    status = data["status"]
    progress = data.get("progress", 0)

    print(f"Status: {status} ({progress}%)")

    if status == "completed":
        # Get download URL
        response = requests.get(f"{BASE_URL}/videos/{video_id}/download", headers=HEADERS)
        download_url = response.json()["download_url"]
        print(f"Video ready: {download_url}")
        break
    elif status == "failed":
        print("Video generation failed")
        break

    time.sleep(5)  # Wait 5 seconds
