# Get random asset from collection
random_asset = bluma.assets.get_random(
    file_type="image",
    collection_id="coll_abc123",
    used_asset_ids=["asset_1", "asset_2"],  # Exclude these
)

print(random_asset.cdn_url)
