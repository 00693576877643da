from unittest.mock import Mock, patch
from bluma import Bluma
from bluma.types import Video, VideoStatus


def test_video_creation():
    # Mock the API client
    mock_bluma = Mock(spec=Bluma)
    mock_video = Video(
        id="batch_abc123",
        status=VideoStatus.COMPLETED,
        template_id="rick-morty-explainer",
        url="https://cdn.getbluma.com/videos/mock.mp4",
        credits_charged=5,
        created_at=datetime.now(),
    )

    mock_bluma.videos.create.return_value = mock_video

    # Test your code
    video = mock_bluma.videos.create(template_id="rick-morty-explainer", context={"prompt": "Test"})

    assert video.id == "batch_abc123"
    assert video.status == VideoStatus.COMPLETED
