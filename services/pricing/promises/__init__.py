"""Promises in return for a price: what a customer was to do for it, by when, and whether they did."""
