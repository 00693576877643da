import requests

url = "https://api.umamiai.xyz/v1/luma-ai/generations"

payload = {
    "aspect_ratio": "16:9",
    "expand_prompt": True,
    "user_prompt": "Flying jellyfish"
}
headers = {
    "Authorization": "Bearer YOUR_UMAMIAI_API_KEY",
    "content-type": "application/json"
}

response = requests.post(url, json=payload, headers=headers)

print(response.json())
