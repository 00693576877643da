"""Durable batches: many jobs, each billed once, even if the process is killed."""
