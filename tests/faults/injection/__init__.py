"""Faults as functions, each with what undoes it, and the run that injects them by seed."""
