"""Check the `context` of a create against the JSON Schema of its template."""
