from bluma import Bluma


def should_retry(error, attempt_number):
    """Custom retry logic"""
    if isinstance(error, RateLimitError):
        return attempt_number < 5  # Retry rate limits up to 5 times
    if isinstance(error, ValidationError):
        return False  # Never retry validation errors
    return attempt_number < 3  # Default: retry 3 times


def calculate_retry_delay(attempt_number):
    """Custom backoff"""
    return min(1.0 * (2**attempt_number), 10.0)


bluma = Bluma(
    api_key=os.getenv("BLUMA_API_KEY"), should_retry=should_retry, calculate_retry_delay=calculate_retry_delay
)
