"""What is known for qualification of a deal: handed over with its leads, and recorded since."""
