"""How calls are sent: options, the retry loop, the transport, and the state that all copies of a client share."""
