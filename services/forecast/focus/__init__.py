"""Where an hour of attention brings most: what it may change in money, and how much that counts for the plan."""
