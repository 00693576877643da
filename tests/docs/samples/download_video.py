download = bluma.videos.download("batch_abc123xyz")

print(download.download_url)  # Presigned URL
print(download.expires_at)  # Expiration datetime

# Download to file
import requests

response = requests.get(download.download_url)
with open("my-video.mp4", "wb") as f:
    f.write(response.content)
