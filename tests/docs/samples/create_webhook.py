webhook = bluma.webhooks.create(url="https://myapp.com/webhooks/bluma", events=["video.completed", "video.failed"])

print(webhook.id)  # 'webhook_abc123'
print(webhook.secret)  # 'whsec_...' (save this!)
