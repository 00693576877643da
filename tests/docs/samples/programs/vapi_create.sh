curl -X POST "https://api.gpt.ge/luma/generations" \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer $YOUR_TOKEN" \
  -d '{
    "user_prompt": "cat dance",
    "expand_prompt": true,
    "image_url": "https://example.com/reference.png",
    "image_end_url": "https://example.com/keyframe.png",
    "notify_hook": "https://example.com/hook",
    "loop": true,
    "aspect_ratio": "16:9"
  }'
