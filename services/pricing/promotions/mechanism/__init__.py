"""What a promotion takes off a price, and when it may. Pure."""

from services.pricing.promotions.mechanism.taking import Asked, Kind, Offer, Stacking, refusal, share_of

__all__ = ["Asked", "Kind", "Offer", "Stacking", "refusal", "share_of"]
