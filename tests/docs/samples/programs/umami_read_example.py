import requests

url = "https://api.umamiai.xyz/v1/luma-ai/generation"

querystring = {"ids[0]":"4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd"}

headers = {
    "Authorization": "Bearer YOUR_UMAMIAI_API_KEY",
    "content-type": "application/json"
}

response = requests.get(url, headers=headers, params=querystring)

print(response.json())
