bluma.webhooks.delete("webhook_abc123")
