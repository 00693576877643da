from concurrent.futures import ThreadPoolExecutor

templates = ["rick-morty-explainer", "ugc-text-overlay", "cat-explainer-v2"]

# Generate videos in parallel
with ThreadPoolExecutor(max_workers=3) as executor:
    futures = [
        executor.submit(
            bluma.videos.create, template_id=template_id, context={"prompt": f"Create a {template_id} video"}
        )
        for template_id in templates
    ]
    videos = [f.result() for f in futures]

print(f"Created {len(videos)} videos")
