video = bluma.videos.get("batch_abc123xyz")

print(video.status)  # 'completed'
print(video.url)  # 'https://cdn.getbluma.com/videos/...'
print(video.duration)  # 45 (seconds)
