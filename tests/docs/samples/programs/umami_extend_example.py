import requests

url = "https://api.umamiai.xyz/v1/luma-ai/generations/57a6cb80-6da0-49bd-b29a-3f089b9e55e4/extend"

payload = {
    "aspect_ratio": "16:9",
    "expand_prompt": True,
    "user_prompt": "Flying jellyfish with a hat"
}
headers = {
    "Authorization": "Bearer YOUR_UMAMIAI_API_KEY",
    "content-type": "application/json"
}

response = requests.post(url, json=payload, headers=headers)

print(response.json())
