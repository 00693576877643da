template = bluma.templates.get("rick-morty-explainer")

print(template.name)  # 'Rick & Morty Meme Explainer'
print(template.description)  # 'Create funny dialogue videos...'
print(template.context_schema)  # JSON schema for context
