bluma.collections.remove_asset("coll_abc123", "asset_1")
