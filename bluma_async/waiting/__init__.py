"""Waiting for jobs that take minutes: how to poll, not what is polled."""
