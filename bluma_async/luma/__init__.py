"""The Luma family: several providers, one client."""
