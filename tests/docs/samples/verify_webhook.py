from bluma import verify_webhook
from flask import Flask, request
import os

app = Flask(__name__)


@app.route("/webhooks/bluma", methods=["POST"])
def webhook():
    signature = request.headers.get("X-Bluma-Signature")
    payload = request.get_data()

    try:
        # Verify and parse webhook
        event = verify_webhook(payload, signature, os.getenv("BLUMA_WEBHOOK_SECRET"))

        # Handle event
        if event.type == "video.completed":
            print(f"Video ready: {event.data.url}")
        elif event.type == "video.failed":
            print(f"Video failed: {event.data.error}")
        elif event.type == "credits.low":
            print(f"Credits low: {event.data.remaining}")

        return "", 200

    except Exception as error:
        print("Invalid webhook signature")
        return "Unauthorized", 401


if __name__ == "__main__":
    app.run(port=3000)
