"""Deals: lists to work on, one deal with its timeline, its close plan and the buyer's page of it."""
