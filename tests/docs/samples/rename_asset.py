updated = bluma.assets.rename("asset_abc123", "New Asset Name")
