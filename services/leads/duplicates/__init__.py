"""Leads that may be one: found by likeness, merged and un-merged by people."""
