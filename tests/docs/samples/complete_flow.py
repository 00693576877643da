import os
from bluma import Bluma
from bluma.errors import InsufficientCreditsError


def generate_and_download():
    bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))

    try:
        # 1. Create video
        print("Creating video...")
        video = bluma.videos.create(
            template_id="rick-morty-explainer", context={"prompt": "Create a funny programmer dialogue"}
        )

        print(f"Video ID: {video.id}")
        print(f"Credits charged: {video.credits_charged}")

        # 2. Wait for completion
        print("Waiting for video to complete...")

        def on_progress(progress):
            print(f"Progress: {progress}%")

        completed = bluma.videos.wait_for(video.id, on_progress=on_progress)

        print("Video completed!")

        # 3. Download video
        download = bluma.videos.download(completed.id)

        # 4. Save to file
        import requests

        response = requests.get(download.download_url)

        with open("my-video.mp4", "wb") as f:
            f.write(response.content)

        print("Video saved to my-video.mp4")

    except InsufficientCreditsError:
        print("Out of credits! Please purchase more.")
    except Exception as error:
        print(f"Error: {error}")


if __name__ == "__main__":
    generate_and_download()
