"""Waiting for jobs that take minutes: how to poll; `resources/` and `luma/` know the jobs."""
