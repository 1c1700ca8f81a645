"""Leads: the queue, one lead, how they are given away, campaigns, and how right chances were."""
