"""Send calls: options, the retry loop, the transport, hooks, and the state that copies of a client share."""
