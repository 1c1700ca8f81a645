"""Who is credited with how much of a deal: everything that is summed by person or unit counts by it."""
