from bluma import Bluma

bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))

# Generate a video
video = bluma.videos.create(
    template_id="rick-morty-explainer",
    context={"prompt": "Create a funny dialogue between a programmer and their computer"},
)

print(f"Video created: {video.id}")

# Wait for completion
completed = bluma.videos.wait_for(video.id)
print(f"Video ready: {completed.url}")
