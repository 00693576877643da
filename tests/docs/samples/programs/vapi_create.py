import requests

resp = requests.post(
    'https://api.gpt.ge/luma/generations',
    headers={
        'Content-Type': 'application/json',
        'Authorization': 'Bearer YOUR_TOKEN'
    },
    json={
        'user_prompt': 'cat dance',
        'expand_prompt': True,
        'image_url': 'https://example.com/reference.png',
        'image_end_url': 'https://example.com/keyframe.png',
        'notify_hook': 'https://example.com/hook',
        'loop': True,
        'aspect_ratio': '16:9'
    }
)
print(resp.json())
