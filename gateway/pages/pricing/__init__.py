"""Prices: the desk, quotes with their approval, and the policy."""
