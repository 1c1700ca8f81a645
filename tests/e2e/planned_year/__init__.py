"""A year of one company: planned, watched, reviewed and decided anew."""
