"""Check, send, make certain, and settle a paid create."""
