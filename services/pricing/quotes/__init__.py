"""Quotes: priced offers for a deal; the accepted one sets the deal's amount."""
