"""Whether customers keep what they promise in return for a price. Pure."""

from services.pricing.promises.standing.record import Answer, Answered, Record, Standing, record, standing

__all__ = ["Answer", "Answered", "Record", "Standing", "record", "standing"]
