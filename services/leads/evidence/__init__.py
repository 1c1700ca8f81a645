"""What is known for qualification of a lead: recorded for good, read element by element, handed over with the lead."""
