variant = bluma.variants.get("rick-morty-explainer", "var_xyz789")

print(variant.payload)  # Contains saved settings
