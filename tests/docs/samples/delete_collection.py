bluma.collections.delete("coll_abc123")
