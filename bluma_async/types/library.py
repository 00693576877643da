"""Templates, their variants, and assets in collections."""

from datetime import datetime
from typing import List, Optional

import attrs

from bluma_async.types._model import AttrDict, Model, model, without_query


@model
class Template(Model):
    """
    A template for videos.

    `base_cost` and `credits_per_video` are the same price, in credits, under two documented names: the server sends
    one, and both are set. `context_schema` (a JSON Schema) and `requires_context` both describe the `context` argument
    of a create; the schema is derived if the server sends only the other. `duration` is in seconds, and
    `duration_range` has `min` and `max` seconds.
    """

    id: str
    name: str = ""
    description: str = ""
    category: Optional[str] = None
    base_cost: Optional[int] = None
    credits_per_video: Optional[int] = None
    duration: Optional[int] = None
    duration_range: Optional[AttrDict] = None
    aspect_ratio: Optional[str] = None
    context_schema: Optional[AttrDict] = None
    requires_context: Optional[AttrDict] = None
    supported_resolutions: List[str] = attrs.field(factory=lambda: [])
    thumbnail_url: Optional[str] = attrs.field(default=None, repr=without_query)
    example_url: Optional[str] = attrs.field(default=None, repr=without_query)


@model
class TemplateVariant(Model):
    """A saved preset of a template; `payload` has its `settings`."""

    id: str
    template_id: str = ""
    name: str = ""
    payload: AttrDict = attrs.field(factory=AttrDict)
    is_active: bool = True
    brand_id: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None


@model
class Collection(Model):
    """A group of assets; `asset_type` is `images`, `videos` or `all`."""

    id: str
    name: str = ""
    description: Optional[str] = None
    asset_count: int = 0
    asset_type: Optional[str] = None
    is_global: bool = False
    brand_id: Optional[str] = None
    user_id: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
    deleted_at: Optional[datetime] = None


@model
class Asset(Model):
    """An uploaded file; `file_type` is its MIME type, `cdn_url` a public link. `deleted_at` is set after a delete."""

    id: str
    name: str = ""
    cdn_url: Optional[str] = attrs.field(default=None, repr=without_query)
    file_type: str = ""
    file_size_bytes: Optional[int] = None
    original_filename: Optional[str] = None
    s3_url: Optional[str] = attrs.field(default=None, repr=without_query)
    thumbnail_url: Optional[str] = attrs.field(default=None, repr=without_query)
    source_type: Optional[str] = None
    metadata: AttrDict = attrs.field(factory=AttrDict)
    brand_id: Optional[str] = None
    user_id: Optional[str] = None
    created_at: Optional[datetime] = None
    updated_at: Optional[datetime] = None
    deleted_at: Optional[datetime] = None


@model
class AssetUploadResponse(Model):
    """A signed link for a PUT of a new asset's bytes. It needs no API key, so treat `upload_url` as a secret."""

    asset_id: str
    upload_url: str = attrs.field(repr=without_query)
    cdn_url: Optional[str] = attrs.field(default=None, repr=without_query)
    expires_at: Optional[datetime] = None
