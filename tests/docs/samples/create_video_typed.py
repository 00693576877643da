from typing import Dict, Any, Optional
from bluma.types import Video, VideoStatus


def create_video(
    context: Dict[str, Any],
    template_id: Optional[str] = None,
    variant_id: Optional[str] = None,
    options: Optional[Dict[str, Any]] = None,
    webhook_url: Optional[str] = None,
) -> Video:
    """Either template_id or variant_id must be provided"""
    return bluma.videos.create(
        context=context, template_id=template_id, variant_id=variant_id, options=options, webhook_url=webhook_url
    )
