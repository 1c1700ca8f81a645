"""What was left of the list price. Pure."""

from services.pricing.realisation.share.months import Leak, Month, Realised, Sold, realised

__all__ = ["Leak", "Month", "Realised", "Sold", "realised"]
