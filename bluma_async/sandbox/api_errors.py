"""The errors that the API answers with: one exception, and the JSON envelope that it becomes."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

__all__ = ["TITLES", "ApiError", "FieldErrors", "bad_request", "not_found"]

DOCS = "https://docs.getbluma.com"
FieldErrors = Sequence[Tuple[str, str]]
TITLES: Mapping[int, Tuple[str, str]] = {
    400: ("invalid_request", "Validation Error"),
    401: ("authentication_error", "Invalid API Key"),
    402: ("insufficient_credits", "Insufficient Credits"),
    403: ("permission_denied", "Insufficient Permissions"),
    404: ("not_found", "Resource Not Found"),
    405: ("method_not_allowed", "Method Not Allowed"),
    413: ("payload_too_large", "Payload Too Large"),
    415: ("unsupported_media_type", "Unsupported Media Type"),
    421: ("misdirected_request", "Misdirected Request"),
    429: ("rate_limit_exceeded", "Rate Limit Exceeded"),
    500: ("internal_error", "Internal Server Error"),
    502: ("bad_gateway", "Bad Gateway"),
    503: ("service_unavailable", "Service Temporarily Unavailable"),
    504: ("gateway_timeout", "Gateway Timeout"),
}
LINKS: Mapping[int, Mapping[str, str]] = {
    401: {"docs": f"{DOCS}/authentication", "manage_keys": "https://app.getbluma.com/settings?tab=api"},
    402: {"docs": f"{DOCS}/concepts/credits", "upgrade": "https://getbluma.com/billing"},
    429: {"docs": f"{DOCS}/concepts/rate-limits", "upgrade": "https://getbluma.com/billing"},
}


class ApiError(Exception):
    """An error answer; raised anywhere below the `convert_errors` middleware, which sends it to the client."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        metadata: Optional[Mapping[str, Any]] = None,
        validation_errors: FieldErrors = (),
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.metadata = metadata
        self.validation_errors = validation_errors
        self.headers: Dict[str, str] = dict(headers or {})

    def to_json(self, request_id: str, timestamp: str) -> Dict[str, Any]:
        """Return the envelope; only server errors contain the request's id and the time."""
        kind, title = TITLES.get(self.status, ("error", "Error"))
        error: Dict[str, Any] = {"type": kind, "title": title, "status": self.status, "detail": self.detail}
        if self.validation_errors:
            error["validation_errors"] = [{"field": name, "message": text} for name, text in self.validation_errors]
        if self.metadata is not None:
            error["metadata"] = dict(self.metadata)
        if self.status >= 500:
            error.update(request_id=request_id, timestamp=timestamp)
        error["links"] = dict(LINKS.get(self.status, {"docs": f"{DOCS}/errors#{kind}"}))
        return {"error": error}


def bad_request(*errors: Tuple[str, str], metadata: Optional[Mapping[str, Any]] = None) -> ApiError:
    """Return a 400 that lists invalid fields with their messages. 1.2.0 reads the first field from the metadata."""
    detail = "Request body contains validation errors."
    if len(errors) == 1:
        detail = f"{errors[0][0]}: {errors[0][1]}"
    return ApiError(400, detail, validation_errors=errors, metadata={"field": errors[0][0], **(metadata or {})})


def not_found(kind: str, identifier: str) -> ApiError:
    """Return a 404 for one resource."""
    noun = kind.replace("_", " ").capitalize()
    metadata: Dict[str, List[str] | str] = {"resource_type": kind, "resource_id": identifier}
    return ApiError(404, f"{noun} with ID '{identifier}' not found.", metadata=metadata)
