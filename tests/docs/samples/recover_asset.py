recovered = bluma.assets.recover("asset_abc123")
print(f"Asset recovered: {recovered.name}")
