bluma.assets.delete("asset_abc123")
