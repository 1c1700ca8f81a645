"""Products with list price and cost, and what they were at any time."""
