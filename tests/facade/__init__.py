"""The generator of the blocking twin."""
