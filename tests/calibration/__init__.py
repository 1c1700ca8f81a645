"""How often the projection is right in companies whose chances are known."""
