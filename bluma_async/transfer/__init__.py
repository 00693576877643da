"""Downloads to the disk, and uploads from it."""
