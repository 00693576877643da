import requests

response = requests.get(
    "https://api.umamiai.xyz/v1/luma-ai/generation?ids=text",
    headers={"Authorization": "Bearer YOUR_UMAMIAI_API_KEY"},
)
data = response.json()
