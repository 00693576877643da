bluma.collections.add_assets(collection_id="coll_abc123", asset_ids=["asset_1", "asset_2", "asset_3"])
