"""State that outlives a process, or is shared by several."""
