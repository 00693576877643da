"""What processes with one API key agree on: budget, creates and news, through a database."""
