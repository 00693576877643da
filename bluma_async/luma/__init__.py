"""The Luma providers: one client, one adapter for each provider."""
