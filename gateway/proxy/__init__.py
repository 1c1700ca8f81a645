"""The only door to the services: their `/v1` under our `/api/v1`, with an internal token of the caller."""
