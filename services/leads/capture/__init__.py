"""Leads that people capture by hand, and the contacts that come with them."""
