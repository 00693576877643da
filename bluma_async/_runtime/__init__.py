"""Small tools without knowledge of the API: event loops, threads, callbacks, the clock, the log."""
