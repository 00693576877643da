"""What the API does, one resource to a module; each module lists its routes."""
