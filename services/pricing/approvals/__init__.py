"""Approvals: who must agree to a price, what they see, and what they decided."""
