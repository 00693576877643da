import os
import requests
from bluma import Bluma
from bluma.errors import BlumaError


def setup_asset_driven_videos():
    """Complete workflow: Upload assets and save a configuration preset"""
    bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))

    try:
        # 1. Create an asset collection
        print("Creating asset collection...")
        collection = bluma.collections.create(name="Product Images", description="Product photography for videos")

        # 2. Upload assets to collection
        print("Uploading assets...")
        assets = []
        for image_file in ["product1.jpg", "product2.jpg", "product3.jpg"]:
            # Get presigned upload URL
            upload_resp = bluma.assets.upload(
                file_name=image_file, file_type="image/jpeg", collection_ids=[collection.id]
            )

            # Upload file
            with open(image_file, "rb") as f:
                requests.put(upload_resp.upload_url, data=f)

            assets.append(upload_resp.asset_id)
            print(f"Uploaded {image_file} -> {upload_resp.cdn_url}")

        # 3. Create a variant preset for easy reuse
        print("Creating variant preset...")
        variant = bluma.variants.create(
            template_id="rick-morty-explainer",
            name="Product Marketing Preset",
            settings={
                "systemPrompt": "You are an enthusiastic product marketer",
                "compositionProps": {"voiceId": "energetic-male", "assetCollectionId": collection.id},
            },
        )

        print(f"✅ Setup complete!")
        print(f"Variant Preset: {variant.id}")
        print(f"Collection: {collection.id} ({len(assets)} assets)")

        # 4. Generate a test video using the variant preset
        print("Generating test video with variant...")
        video = bluma.videos.create(
            variant_id=variant.id,  # Use the saved preset
            context={"prompt": "Create funny dialogue promoting our product"},
        )

        print(f"Test video queued: {video.id}")

        # 5. Wait for completion
        completed = bluma.videos.wait_for(video.id)
        print(f"Test video ready: {completed.url}")

        return {"variant_id": variant.id, "collection_id": collection.id, "test_video_url": completed.url}

    except BlumaError as error:
        print(f"Error: {error}")
        return None


if __name__ == "__main__":
    result = setup_asset_driven_videos()
    if result:
        print(f"Setup complete! Use the preset for future videos.")
