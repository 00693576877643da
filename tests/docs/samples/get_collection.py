collection = bluma.collections.get("coll_abc123")

print(collection.name)
print(collection.description)
print(collection.asset_count)
