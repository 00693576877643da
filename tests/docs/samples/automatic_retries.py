# Retries are enabled by default
bluma = Bluma(
    api_key=os.getenv("BLUMA_API_KEY"),
    max_retries=3,  # Number of retries (default: 3)
    retry_delay=1.0,  # Initial delay in seconds (default: 1.0)
    retry_multiplier=2.0,  # Exponential backoff multiplier (default: 2.0)
)

# Retry sequence: 1s, 2s, 4s
# Only retries on 5xx errors and network failures
