"""Requests and answers as data, and their meaning: no await, no clock, no socket."""
