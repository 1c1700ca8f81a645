"""Promotions: planned, approved by somebody else, taken by quotes within scope, window and budget, and judged by their lift."""
