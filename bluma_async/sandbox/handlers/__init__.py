"""The handlers of the API, one resource a module; each module lists its routes in ROUTES."""
