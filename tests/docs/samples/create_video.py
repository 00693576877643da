# Using a template directly
video = bluma.videos.create(template_id="rick-morty-explainer", context={"prompt": "Create a funny cat dialogue"})

# Using a variant preset (saved configuration)
video = bluma.videos.create(
    variant_id="var_xyz789",  # Uses pre-configured settings
    context={"prompt": "Create a funny cat dialogue"},
)

# With all optional parameters
video = bluma.videos.create(
    template_id="ugc-text-overlay",
    context={
        "prompt": "Showcase my new product",
        "brand_assets": {"logo": "https://cdn.example.com/logo.png"},
        "system_prompt": "You are an enthusiastic marketer",
    },
    options={
        "resolution": "4k",  # '720p', '1080p', or '4k'
        "watermark": False,  # Add watermark (test keys only)
    },
    webhook_url="https://myapp.com/webhooks/bluma",
)

print(video.id)  # 'batch_abc123xyz'
print(video.status)  # 'queued'
print(video.template_id)  # 'ugc-text-overlay'
print(video.variant_id)  # 'var_xyz789' or None
print(video.credits_charged)  # 6
