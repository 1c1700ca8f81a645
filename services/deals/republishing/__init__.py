"""What this service can tell again from its versions: deals, accounts, units, people, and how accounts are covered."""
