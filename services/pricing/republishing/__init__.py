"""What this service can tell again: promotions, and what approved quotes leave."""
