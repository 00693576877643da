from bluma.errors import (
    BlumaError,
    ValidationError,
    AuthenticationError,
    InsufficientCreditsError,
    RateLimitError,
    NotFoundError,
    APIError,
)

try:
    video = bluma.videos.create(template_id="invalid-template", context={"prompt": "Test"})
except ValidationError as error:
    print(f"Invalid input: {error.message}")
    print(f"Field: {error.field}")
except AuthenticationError:
    print("Invalid API key")
except InsufficientCreditsError as error:
    print("Out of credits!")
    print(f"Required: {error.credits_required}")
    print(f"Available: {error.credits_available}")
except RateLimitError as error:
    print(f"Rate limited. Retry after {error.retry_after} seconds")
except NotFoundError:
    print("Resource not found")
except APIError as error:
    print(f"API error: {error.message}")
    print(f"Status: {error.status}")
    print(f"Type: {error.type}")
except Exception as error:
    print(f"Network error: {error}")
