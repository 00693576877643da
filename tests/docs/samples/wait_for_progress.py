def on_progress(progress: int):
    print(f"Progress: {progress}%")


video = bluma.videos.wait_for("batch_abc123xyz", on_progress=on_progress)
