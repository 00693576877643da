"""The errors of the SDK, under the import name of its documentation."""

from bluma_async.errors import *  # noqa: F403 - the same names

# Written out: type checkers follow no `__all__` of another module, and a star import would be empty for them.
__all__ = [
    "APIError",
    "AmbiguousCreateError",
    "AuthenticationError",
    "BlumaError",
    "FileContentError",
    "ForbiddenError",
    "InsufficientCreditsError",
    "InvalidArgumentError",
    "NetworkError",
    "NotFoundError",
    "RateLimitError",
    "RequestTimeoutError",
    "ServerError",
    "ValidationError",
    "WaitTimeoutError",
    "WebhookVerificationError",
]
