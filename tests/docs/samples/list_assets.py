# List all assets
assets = bluma.assets.list()

# Filter by type
images = bluma.assets.list(file_type="image")

# Filter by collection
collection_assets = bluma.assets.list(collection_id="coll_abc123")

# Include deleted assets
all_assets = bluma.assets.list(include_deleted=True)

for asset in assets:
    print(f"{asset.name} ({asset.file_type})")
