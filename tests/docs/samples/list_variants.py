variants = bluma.variants.list("rick-morty-explainer")

for variant in variants:
    print(f"{variant.name}: {variant.is_active}")
