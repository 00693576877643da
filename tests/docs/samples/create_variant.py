variant = bluma.variants.create(
    template_id="rick-morty-explainer",
    name="Funny Tone Preset",
    settings={
        "systemPrompt": "Use a funny, lighthearted tone",
        "captionPrompt": "Create engaging captions with emojis",
        "compositionProps": {"voiceId": "female-casual", "primaryColor": "#FF69B4"},
    },
)

print(variant.id)  # 'var_xyz789'
