asset = bluma.assets.get("asset_abc123")

print(asset.name)
print(asset.cdn_url)
print(asset.file_type)
print(asset.file_size_bytes)
