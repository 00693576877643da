updated = bluma.variants.update(
    template_id="rick-morty-explainer", variant_id="var_xyz789", settings={"systemPrompt": "Updated tone instructions"}
)
