"""Campaigns: what they cost, which leads they touched first and last, and what became of these."""
