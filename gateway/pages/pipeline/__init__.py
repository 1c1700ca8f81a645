"""What is open, how it works, and what deserves attention."""
