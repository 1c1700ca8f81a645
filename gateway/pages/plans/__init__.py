"""Plans and the scorecard: what is wanted, and what came of it."""
