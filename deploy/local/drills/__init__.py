"""Drills: what a runbook says, done to a system of its own, and what it knows before and after compared."""
