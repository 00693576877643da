"""A long run: calls, waits, saves and webhooks in one process, under faults; what it holds must not grow."""
