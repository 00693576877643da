"""The account that owns everything in a sandbox. The official client reads `brand_id` as text, so it is never null."""

from __future__ import annotations

__all__ = ["BRAND_ID", "USER_ID"]

USER_ID = "user_sandbox"
BRAND_ID = "brand_sandbox"
