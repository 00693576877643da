from bluma.types import (
    Video,
    VideoStatus,
    Template,
    CreditBalance,
    Transaction,
    Webhook,
    WebhookEvent,
    TemplateVariant,
    Collection,
    Asset,
    AssetUploadResponse,
)


def process_video(video: Video) -> None:
    if video.status == VideoStatus.COMPLETED:
        print(video.url)


def upload_asset(file_path: str) -> Asset:
    upload_resp: AssetUploadResponse = bluma.assets.upload(file_name=file_path, file_type="image/jpeg")
    return bluma.assets.get(upload_resp.asset_id)
