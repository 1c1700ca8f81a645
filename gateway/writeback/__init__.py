"""Writes edits back to the CRMs that own the fields."""
