from bluma import Bluma

# Automatically closes HTTP session
with Bluma(api_key=os.getenv("BLUMA_API_KEY")) as client:
    video = client.videos.create(template_id="rick-morty-explainer", context={"prompt": "Test"})
    print(video.id)
# Session is closed here
