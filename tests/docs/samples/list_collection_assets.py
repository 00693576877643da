assets = bluma.collections.list_assets("coll_abc123")

for asset in assets:
    print(f"{asset.name}: {asset.cdn_url}")
