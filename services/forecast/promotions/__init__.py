"""What promotions are expected to bring, as the pricing service tells it: a line of its own, in no projection of deals."""
