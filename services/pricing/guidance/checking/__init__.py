"""Where a price stands against a band and a policy, in words. Pure."""
