bluma = Bluma(
    api_key=os.getenv("BLUMA_API_KEY"), default_headers={"User-Agent": "MyApp/1.0", "X-Custom-Header": "value"}
)
