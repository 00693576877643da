"""Workers of many processes on one key: an existing engine moves the work, the store decides."""
