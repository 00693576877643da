collections = bluma.collections.list()

for collection in collections:
    print(f"{collection.name}: {collection.asset_count} assets")
