updated = bluma.collections.rename("coll_abc123", "Updated Collection Name")
