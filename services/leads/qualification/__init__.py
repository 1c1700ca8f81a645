"""People's verdicts on leads: qualify, reject, reopen."""
