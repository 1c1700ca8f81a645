"""Reviews of plans: what opens one, the frozen evidence, options side by side, the decision, and how it turned out."""
