"""What the API has, one resource to a module."""
