"""What a promotion takes off a price, when it may, and what goes over its budget. Pure."""

from services.pricing.promotions.mechanism.fitting import Standing, beyond
from services.pricing.promotions.mechanism.taking import Asked, Kind, Offer, Stacking, refusal, share_of

__all__ = ["Asked", "Kind", "Offer", "Stacking", "Standing", "beyond", "refusal", "share_of"]
