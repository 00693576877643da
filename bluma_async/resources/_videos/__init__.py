"""Read, list, wait for, and save videos."""
