collection = bluma.collections.create(name="Product Photos", description="High-quality product photography")

print(collection.id)  # 'coll_abc123'
print(collection.asset_count)  # 0
