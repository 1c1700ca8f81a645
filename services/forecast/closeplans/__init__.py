"""When deals will be done by their close plans, as the deals service tells it."""
