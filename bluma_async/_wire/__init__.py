"""What goes over the wire and what it means: no await, no clock, no socket."""
