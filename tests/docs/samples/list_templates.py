templates = bluma.templates.list()

for template in templates:
    print(f"{template.id}: {template.name}")
    print(f"Base cost: {template.base_cost} credits")
