from flask import Flask, request, jsonify
from bluma import Bluma
from bluma.errors import BlumaError, NotFoundError

app = Flask(__name__)
bluma = Bluma(api_key=os.getenv("BLUMA_API_KEY"))


@app.route("/api/videos", methods=["POST"])
def create_video():
    try:
        video = bluma.videos.create(template_id=request.json["template_id"], context=request.json["context"])

        return jsonify(video.__dict__), 200

    except BlumaError as error:
        return jsonify({"error": str(error)}), error.status
    except Exception:
        return jsonify({"error": "Internal server error"}), 500


@app.route("/api/videos/<video_id>", methods=["GET"])
def get_video(video_id):
    try:
        video = bluma.videos.get(video_id)
        return jsonify(video.__dict__), 200

    except NotFoundError:
        return jsonify({"error": "Video not found"}), 404
    except Exception:
        return jsonify({"error": "Internal server error"}), 500


if __name__ == "__main__":
    app.run(port=3000)
