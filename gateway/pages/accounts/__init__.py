"""Accounts: people, promises, white space, signals, and the brief for a meeting."""
