"""The conversion model in numbers, pure: columns in, chances with their reasons out. Works in log-odds."""
