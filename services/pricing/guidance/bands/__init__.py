"""Floor, target and stretch of every segment of a tree. Pure numbers."""
