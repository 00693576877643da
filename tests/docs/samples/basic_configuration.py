from bluma import Bluma

bluma = Bluma(
    api_key=os.getenv("BLUMA_API_KEY"),
    base_url="https://api.getbluma.com/api/v1",  # Optional, default shown
    timeout=30,  # seconds
    max_retries=3,
    retry_delay=1.0,  # seconds
)
