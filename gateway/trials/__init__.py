"""Trying a connection's document before it is used: what the forecast would be by it."""
