"""Share a budget, creates and news among processes with one API key, through a database."""
