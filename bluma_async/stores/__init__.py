"""State that outlives a process or is shared by several: ports, and implementations in memory and in SQLite."""
