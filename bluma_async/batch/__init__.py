"""Many jobs, each billed once, whatever happens to the process."""
