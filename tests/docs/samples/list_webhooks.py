webhooks = bluma.webhooks.list()

for webhook in webhooks:
    print(f"{webhook.id}: {webhook.url}")
    print(f"Active: {webhook.is_active}")
